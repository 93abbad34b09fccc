"""Bare pymodbus that polls the same devices and does nothing with what they say: the limit of `siloscope bench edge`.

A process. Takes as arguments seconds, period, floats, floats a request, and the ports; prints as JSON what it used.
"""

import asyncio
import json
import sys
import time
from itertools import count

from pymodbus.client import AsyncModbusTcpClient


async def poll(seconds: float, period_s: float, requests: list[tuple[int, int]], ports: list[int]) -> dict[str, float]:
    """Read each device once a period; return the CPU time, and how many requests were answered."""
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port) for port in ports]
    for client in clients:
        await client.connect()
    began_s = time.monotonic()
    used_s = time.process_time()
    answered = 0

    async def read(client: AsyncModbusTcpClient) -> None:
        nonlocal answered
        for turn in count():
            wait_s = began_s + turn * period_s - time.monotonic()
            if turn * period_s >= seconds:
                return
            await asyncio.sleep(max(0.0, wait_s))
            for address, registers in requests:
                answer = await client.read_holding_registers(address, count=registers, device_id=1)
                answered += len(answer.registers) == registers

    await asyncio.gather(*map(read, clients))
    used_s, took_s = time.process_time() - used_s, time.monotonic() - began_s
    for client in clients:
        client.close()
    return {"cpu_s": used_s, "seconds": took_s, "answered": answered}


def main() -> None:
    """Poll and print."""
    seconds, period_s = map(float, sys.argv[1:3])
    floats, at_once = map(int, sys.argv[3:5])
    requests = [(2 * at, 2 * min(at_once, floats - at)) for at in range(0, floats, at_once)]
    print(json.dumps(asyncio.run(poll(seconds, period_s, requests, json.loads(sys.argv[5])))))


if __name__ == "__main__":
    main()
