// Reads holding registers: node master.js PORT UNIT ADDRESS COUNT, and prints them, or the refusal, as JSON.
import Modbus from "modbus-serial";

const [port, unit, address, count] = process.argv.slice(2).map(Number);
const client = new Modbus();
await client.connectTCP("127.0.0.1", { port });
client.setID(unit);
client.setTimeout(5000);
try {
  console.log(JSON.stringify((await client.readHoldingRegisters(address, count)).data));
} catch (error) {
  console.log(JSON.stringify({ refused: error.modbusCode ?? String(error) }));
}
client.close(() => {});
