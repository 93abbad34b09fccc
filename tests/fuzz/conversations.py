"""What a node might say, by chance: messages that are alike but for their numbers, nearly alike, odd, or harmed.

    python -m tests.fuzz.conversations --seed 1 --messages 100000

sends them both ways (`tests.fuzz.both_ways`). It needs nothing but what the tests need, and so runs also on compiled
modules that are watched by sanitizers.
"""

import argparse
import zlib
from collections.abc import Iterator
from random import Random

from siloscope_contract import templates
from tests.fuzz.both_ways import RECEIVED_MS, BothWays
from tests.fuzz.harm import flipped, repeated, truncated

Record = list[tuple[str, str]]
"""Labels and values as they are spelled; a value that is one of the three below is spelled anew in each message."""

NUMBER, TIME, SEQ = "number", "time", "seq"
EPOCHS = "ab" * 16, "0123456789abcdef" * 2
DEVICES = "d/", "e/", "f-1/", ""
KEYS = "a", "b", "c", "v1", "v2"
UNITS = "Cel", "Cel", "K", "%RH", "hPa", "Pa", "V", "mV", "/", "", "furlong"
ODD_NUMBERS = (
    *("-0", "-0.0", "0.0", "0", "-0e0", "0e400", "1e400", "-1e400", "1e-400", "1E5", "1e+2", "1E-2", "5e-324"),
    *("2.5e-324", "1.7976931348623157e308", "1.7976931348623159e308", "0.30000000000000004", "123456789" * 3),
    *("9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("0.1000000000000000055511151231257827", "1.00000000000000011102230246251565", "0." + "0" * 61 + "1", "3" * 65),
    *("105", "105.1", "-273.15", "-273.16", "1100.1", "100", "100.0001"),  # at the limits of quantities
    *("007", "-01", "00.5", "1.", ".5", "+1", "1e", "1e+", "-", "0x10", "1_0", "NaN", "Infinity", "-Infinity"),
    *("true", "null", "[1]", "[]", "{}", "1,2", "1,", "", '"1.5"', '"v"', '1,"v":2'),
    *(" 1.5", "1.5 ", "\t1.5\r\n", "1 .5", "1\x0b", "1\x00"),
)
ODD_TIMES = (
    *("0", "-0", "5", "-5", "-0.5", "268435455", "268435456", "300000000", "1790086401", "1800000000", "4000000000"),
    *("1789999999.0005", "1789999999.0015", "1789999999.00149999999999", "1789999999.1234567890", "01789999999"),
    *("1789999999.", "1.789999999e9", "1789999999e0", "8796093022207.999", "8796093022208", "9999999999999999"),
    *("1e300", "-1e300", "null", "true", "", '"5"', " 1790000000", "1790000000 "),
)
ODD_SEQS = "0", "-1", "07", "1.0", "1e2", "999999999999999999", "1000000000000000000", "9223372036854775808", "null"
DELAYS_MS = 1000, -4000, -86_400_000, 3 * 86_400_000, 60 * 86_400_000, 5000 * 86_400_000
ODD_FIELDS = (
    ("bu", '"Cel"'),
    ("bv", "1"),
    ("bs", "1"),
    ("bver", "10"),
    ("bver", "11"),
    ("t", "0"),
    ("t", "-1"),
    ("t", "0.5"),
    ("t", TIME),
    ("s", "1"),
    ("ut", "5"),
    ("vb", "true"),
    ("vs", '"comm_failure"'),
    ("vs", '"nobody_knows"'),
    ("q", "103"),
    ("q", "0"),
    ("q", "201"),
    ("q", "-1"),
    ("q", "1.5"),
    ("x", '"},{\\"b"'),
    ("x", '{"v":1}'),
    ("x_", "1"),
    ("v", NUMBER),
    ("v", "2"),
    ("n", '"b"'),
    ("bn", '"e/"'),
    ("bt", TIME),
    ("bn", '"e/"'),
    ("u", '"K"'),
    ("gaps", "[]"),
)
ESCAPED = {"v": "\\u0076", "n": "\\u006E", "u": "\\u0075", "bn": "b\\u006e", "bt": "\\u0062t", "q": "\\u0071"}


def conversation(random: Random) -> list[bytes]:
    """Return the messages of a node, of one or a few kinds that take turns."""
    units = {key: random.choice(UNITS[:-2] if random.random() < 0.95 else UNITS) for key in KEYS}
    kinds = [_kind(random, units) for _ in range(random.choice((1, 1, 2, 3, 6)))]
    kinds += [_changed(random.choice(kinds), random) for _ in range(random.choice((0, 0, 0, 1, 5)))]
    found: list[bytes] = [_all_channels(units)] if random.random() < 0.9 else []
    for _ in range(random.randint(4, 16)):
        found.append(random.choice(found) if found and random.random() < 0.03 else _message(random, kinds))
    return found


def _all_channels(units: dict[str, str]) -> bytes:
    """Return a message after which each reading may fail and still be stored."""
    records = [
        f'{{"bn":"{device}","bt":1789990000,"n":"{key}","u":"{unit}","v":1}}'
        for device in DEVICES
        for key, unit in units.items()
    ]
    return f"[{','.join(records)}]".encode()


def _kind(random: Random, units: dict[str, str]) -> list[Record]:
    records: list[Record] = []
    for at in range(random.choice((1, 1, 2, 3))):
        head: Record = []
        if at == 0 or random.random() < 0.6:
            device = random.choice(DEVICES)
            head += [("bn", f'"{device}"')] if device or at else []
        if at == 0 or not head or random.random() < 0.7:
            head += [("bt", TIME)]
        if at == 0 and random.random() < 0.7:
            head += [("epoch", f'"{random.choice(EPOCHS)}"'), ("seq", SEQ)]
        for key in random.sample(KEYS, random.randint(1, len(KEYS))):
            records.append([*head, ("n", f'"{key}"'), *_reading(random, units[key])])
            head = []
    return records


def _reading(random: Random, unit: str) -> Record:
    if random.random() < 0.15:
        return [("vs", f'"{random.choice(("comm_failure", "out_of_range"))}"')]
    quality = [("q", random.choice(("103", "101", "0")))] if random.random() < 0.2 else []
    return [*([("u", f'"{unit}"')] if unit else []), ("v", NUMBER), *quality]


def _changed(kind: list[Record], random: Random) -> list[Record]:
    """Return a kind that is not quite as the other."""
    records = [list(record) for record in kind]
    at = random.randrange(len(records))
    record = records[at]
    field = random.randrange(len(record))
    match random.randrange(8):
        case 0:
            random.shuffle(record)
        case 1:
            record.insert(random.randint(0, len(record)), record[field])
        case 2:
            label, value = record[field]
            record[field] = ESCAPED.get(label, label), value
        case 3:
            record.pop(field)
        case 4:
            records.insert(random.randint(0, len(records)), list(record))
        case 5 if len(records) > 1:
            records.pop(at)
        case 6:
            records += [list(each) for each in kind]
        case _:
            record.insert(random.randint(0, len(record)), random.choice(ODD_FIELDS))
    return records


def _message(random: Random, kinds: list[list[Record]]) -> bytes:
    kind = random.choice(kinds)
    if random.random() < 0.1:
        kind = _changed(kind, random)
    oddness = random.choice((0.0, 0.0, 0.0, 0.0, 0.03, 0.2))
    colon = ": " if random.random() < 0.05 else ":"
    comma = random.choice((", ", " ,", ",\n")) if random.random() < 0.05 else ","
    records = (
        comma.join(f'"{label}"{colon}{_spelled(value, random, oddness)}' for label, value in record) for record in kind
    )
    between = "}, {" if random.random() < 0.03 else "},{"
    message = ("[{" + between.join(records) + "}]").encode()
    if random.random() < 0.07:
        message = random.choice((flipped, truncated, repeated))(message, random)
    if random.random() < 0.02:
        message = random.choice((message + b" ", b" " + message, b"\xef\xbb\xbf" + message, message + message))
    if random.random() < 0.15:
        message = zlib.compress(message, 1)
        if random.random() < 0.1:
            message = flipped(message, random)
    return message


def _spelled(value: str, random: Random, oddness: float) -> str:
    odd = random.random() < oddness
    match value:
        case "number":
            return random.choice(ODD_NUMBERS) if odd else _number(random)
        case "time":
            time_ms = RECEIVED_MS - random.randint(0, 3000)
            decimals = random.randint(0, 3)
            return random.choice(ODD_TIMES) if odd else f"{time_ms / 1000:.{decimals}f}"
        case "seq":
            return random.choice(ODD_SEQS) if odd else str(random.randint(1, 10 ** random.randint(1, 18)))
    return value


def _number(random: Random) -> str:
    match random.randrange(6):
        case 0:
            return str(random.randint(0, 99))
        case 1:
            return repr(random.uniform(0, 100))
        case 2:
            return f"{random.uniform(0, 10):.{random.randint(0, 20)}e}"
        case 3:
            return f"{random.uniform(-100, 100):.{random.randint(1, 3)}f}"
    return f"{random.uniform(0, 100):.2f}"


def talk(random: Random) -> tuple[int, int]:
    """Send a conversation both ways; return how many messages that were, and how many of them went by recipes.

    Raises:
        AssertionError: The two ways disagree.
    """
    if random.random() < 0.5:
        templates.forget()  # else the codec knows texts of other nodes, which happen to be spelled the same
    ways = BothWays(random.choice((2**25, 2**25, 3000)))
    messages = conversation(random)
    for message in messages:
        received_ms = RECEIVED_MS + (random.choice(DELAYS_MS) if random.random() < 0.1 else 0)
        ways.resolve(message, received_ms, retained=random.random() < 0.05)
        if random.random() < 0.02:
            ways.forget()
    return len(messages), ways.book.taken


def conversations(first_seed: int) -> Iterator[tuple[int, int]]:
    """Yield what came of one conversation after another.

    Raises:
        AssertionError: The two ways disagree.
    """
    seed = first_seed
    while True:
        try:
            yield talk(Random(seed))
        except AssertionError as error:
            error.add_note(f"in conversation {seed}")
            raise
        seed += 1


def main() -> None:
    """Talk as long as told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1, help="of the first conversation; each has the next one")
    parser.add_argument("--messages", type=int, default=100_000, help="so many in all")
    told = parser.parse_args()
    said = by_recipes = 0
    for at, (messages, taken) in enumerate(conversations(told.seed), start=1):
        said, by_recipes = said + messages, by_recipes + taken
        if said >= told.messages:
            print(f"{at} conversations, {said} messages, {by_recipes} of them by recipes: both ways the same")
            return


if __name__ == "__main__":
    main()
