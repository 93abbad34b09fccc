"""The arguments of ``siloscope edge doctor``. Imports nothing that takes time."""

import argparse
from pathlib import Path

SUMMARY = "find Modbus devices on a port or host, their registers and what they mean; reads only"
_EXAMPLES = """\
examples:
  siloscope edge doctor --port /dev/ttyUSB0 --expect 23.4:temperature
  siloscope edge doctor --host 192.168.1.50 --expect 40002=1013.2:air_pressure
  siloscope edge doctor --port usb:0403:6001 --units 3 --draft profiles/
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add them."""
    parser.epilog = _EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    end = parser.add_mutually_exclusive_group(required=True)
    end.add_argument("--port", help="serial port: a path, or usb:VENDOR:PRODUCT[:SERIAL]")
    end.add_argument("--host", metavar="HOST[:PORT]", help="Modbus TCP host or terminal server; port 502 unless told")
    where = parser.add_argument_group("where to look")
    where.add_argument("--units", metavar="LIST", help="unit ids, as 1-10,240; all of 1-247, 254, 255 unless told")
    where.add_argument("--baud", metavar="LIST", help="the only speeds to try, as 9600,19200")
    where.add_argument("--format", metavar="LIST", help="the only formats to try, as 8N1,8E1")
    where.add_argument("--rs485", choices=("rts_high", "rts_low"), help="the kernel turns the transceiver by RTS")
    where.add_argument("--framing", choices=("auto", "tcp", "rtu"), default="auto", help="how a host is spoken with")
    where.add_argument("--scan-only", action="store_true", help="only who is there, no registers")
    where.add_argument("--tables", metavar="LIST", help="only these of input,holding,discrete,coil")
    where.add_argument("--thorough", action="store_true", help="ask silent unit ids again, walk through more registers")
    where.add_argument("--identify", action="store_true", help="also ask for names (functions 43/14 and 17)")
    where.add_argument("--wake", action="store_true", help="a byte 0x00 before each request, for sensors that sleep")
    known = parser.add_argument_group("what you know")
    known.add_argument(
        "--expect", action="append", default=[], metavar="[REGISTER=]VALUE[:QUANTITY]", help="a value on the display"
    )
    known.add_argument(
        "--quantity",
        action="append",
        default=[],
        metavar="[REGISTER=]QUANTITY",
        help="what a register, or any, measures",
    )
    how = parser.add_argument_group("how")
    how.add_argument("--within", type=float, metavar="SECONDS", help="all of it; 300, for a host 120 unless told")
    how.add_argument("--timeout", type=float, metavar="SECONDS", help="how long a device may think; adapts unless told")
    how.add_argument("--reads", type=int, default=3, help="how often registers are read (3)")
    how.add_argument("--interval", type=float, default=1.0, metavar="SECONDS", help="time between two readings (1)")
    how.add_argument("--beside", action="store_true", help="although a program of this machine talks to that host")
    how.add_argument("--draft", type=Path, metavar="DIRECTORY", help="write a draft profile for each device there")
    how.add_argument("--json", action="store_true", help="print what was found as JSON")
