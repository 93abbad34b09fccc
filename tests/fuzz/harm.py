"""What happens to a message on a bad way."""

from random import Random


def flipped(message: bytes, random: Random) -> bytes:
    """Return it with up to three bits flipped."""
    harmed = bytearray(message)
    for _ in range(random.randint(1, 3)):
        harmed[random.randrange(len(harmed))] ^= 1 << random.randrange(8)
    return bytes(harmed)


def truncated(message: bytes, random: Random) -> bytes:
    """Return its beginning."""
    return message[: random.randrange(len(message))]


def repeated(message: bytes, random: Random) -> bytes:
    """Return it with a part that comes again."""
    first, second = sorted((random.randrange(len(message)), random.randrange(len(message))))
    return message[:second] + message[first:second] * random.randint(1, 4) + message[second:]
