"""The trace of a pack: its ids follow from its epoch and number, so that nobody has to send them along.

Whoever handles a pack on its way may add spans to its trace: ids agree without a field on the wire, on MQTT 3.1.1 and
in SenML alike, and which packs are traced is agreed as well.
"""

from hashlib import blake2b

from siloscope_contract.packs import Epoch


def is_traced(seq: int, every: int) -> bool:
    """Say whether a pack is among those that are traced.

    >>> [seq for seq in range(1, 7) if is_traced(seq, 3)]
    [3, 6]
    """
    return seq % every == 0


def trace_id(epoch: Epoch | str, seq: int) -> int:
    """Return the trace id of a pack, 128 bits, never 0.

    >>> f"{trace_id('0123456789abcdef0123456789abcdef', 7):032x}"
    '3ff38c9755fafaae2bd91fb889ca83db'
    """
    return _hashed(epoch, seq, b"silo trace", 16)


def pack_span_id(epoch: Epoch | str, seq: int) -> int:
    """Return the id of the span that stands for the pack's whole way, and is the parent of all others: 64 bits."""
    return _hashed(epoch, seq, b"silo span", 8)


def _hashed(epoch: str, seq: int, purpose: bytes, size: int) -> int:
    digest = blake2b(bytes.fromhex(epoch) + seq.to_bytes(8, "big"), digest_size=size, person=purpose).digest()
    return int.from_bytes(digest, "big") or 1
