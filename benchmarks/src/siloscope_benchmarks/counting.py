"""A subscriber that only counts: what a broker delivers when nobody does anything with it. Runs as its own process.

Takes host, port, user, password and filter as arguments; says "ready" when it is subscribed, then how many messages it
has had, a line each tenth of a second.
"""

import sys
import time
from select import select

from siloscope_benchmarks import mqtt
from siloscope_ingest import frames

_EVERY_S = 0.1
_READ_BYTES = 1 << 18
_SUBACK = 0x90


def main() -> None:
    """Count until killed."""
    host, port, username, password, topic_filter = sys.argv[1:]
    connection = mqtt.connected(host, int(port), "siloscope-bench-counter", username, password)
    connection.sendall(mqtt.packet(0x82, b"\x00\x01" + mqtt.field(topic_filter) + b"\x01"))
    count, left, said_s, unsent = 0, b"", time.monotonic(), b""
    while True:
        readable, _, _ = select([connection], [], [], _EVERY_S)
        if readable:
            data = left + connection.recv(_READ_BYTES)
            found, end = frames.split(data, False)
            left = data[end:]
            answers = [unsent]
            for command, _, packet_id, _ in found:
                if packet_id is not None:
                    answers.append(b"\x40\x02" + packet_id.to_bytes(2, "big"))
                    count += 1
                elif command == _SUBACK:
                    print("ready", flush=True)
            unsent = b"".join(answers)
            unsent = unsent[connection.send(unsent) :] if unsent else b""
        if time.monotonic() - said_s > _EVERY_S:
            said_s = time.monotonic()
            print(count, flush=True)


if __name__ == "__main__":
    main()
