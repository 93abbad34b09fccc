"""Valid and refused packs to begin from: the golden messages, in every form that they can take."""

from pathlib import Path

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Form, decode, encode

_GOLDEN = Path(__file__).parent.parent / "wire"


def golden() -> list[bytes]:
    """Return every golden message as it is spelled."""
    found = [folder for folder in sorted(_GOLDEN.iterdir()) if (folder / "expected.json").exists()]
    return [_message(folder) for folder in found]


def seeds() -> list[bytes]:
    """Return the golden messages, and those that are accepted in all three forms as well."""
    found = golden()
    for message in golden():
        try:
            pack = decode(message, received_ms=0)
        except MalformedPack:
            continue
        found += [encode(pack, form=form) for form in Form]
    return list(dict.fromkeys(found))


def _message(folder: Path) -> bytes:
    spelled = folder / "message.hex"
    return bytes.fromhex(spelled.read_text()) if spelled.exists() else (folder / "message.json").read_bytes()
