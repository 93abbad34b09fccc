"""The compiled module, as Python sees it."""

def split(data: bytes, is_mqtt5: bool, /) -> tuple[list[tuple[int, str | None, int | None, bytes]], int]:
    """Return all packets that are there in whole, as `siloscope_ingest.frames.split` does.

    Raises:
        ValueError: What stands there is no packet, or a PUBLISH that is torn within.
    """
