// Serves registers and bits: node server.js PORT '{"holding": {"100": 7}, "input": {}, "coil": {"5": 1}, "discrete": {}}'
import Modbus from "modbus-serial";

const [port, text] = process.argv.slice(2);
const tables = JSON.parse(text);
const found = (table) => (address) => {
  const value = tables[table]?.[address];
  if (value === undefined) throw { modbusErrorCode: 2 };
  return value;
};
const vector = {
  getHoldingRegister: found("holding"),
  getInputRegister: found("input"),
  getCoil: (address) => Boolean(found("coil")(address)),
  getDiscreteInput: (address) => Boolean(found("discrete")(address)),
};
const server = new Modbus.ServerTCP(vector, { host: "127.0.0.1", port: Number(port), unitID: 1 });
server.on("initialized", () => console.log("listens"));
server.on("socketError", () => {}); // a client that hangs up is no reason to end
