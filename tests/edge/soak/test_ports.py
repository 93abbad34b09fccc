"""An adapter on virtual time hands over what came in the order in which it came."""

import asyncio

from tests.edge.soak import virtual_time
from tests.edge.soak.ports import Ports, UsbTerminal


def test_what_is_due_at_one_instant_comes_in_the_order_of_the_line() -> None:
    frames = [bytes((number,)) * 40 for number in range(50)]

    async def heard() -> bytes:
        ports, terminal = Ports(), UsbTerminal("LINE", 1)
        ports.plug(terminal)
        reader = ports.opened(terminal.device, 9600)
        for frame in frames:  # each begins when the one before ends: their timers are due together
            terminal.write(frame)
        await asyncio.sleep(60)
        found = reader.read(65536)
        reader.close()
        await asyncio.sleep(60)  # the other end sees that it is gone
        return found

    assert virtual_time.run(heard) == b"".join(frames)
