"""The slave's side of Modbus: checksums, frames, requests and the two-wire bus. No I/O."""
