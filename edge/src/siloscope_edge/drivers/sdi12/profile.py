"""What a profile of an SDI-12 sensor says: which measurement command brings which value."""

from typing import Annotated

from msgspec import Meta

from siloscope_edge.profiles import Channel, Profile


class ValueChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in the values that a measurement brings.

    Attributes:
        command: What starts the measurement, without address and ``!``: ``M``, ``M1`` … ``M9``, ``C`` …; ``MC`` and
            ``CC`` ask for a checksum; ``R0`` … ``R9`` read a continuous measurement at once.
        value: Which of the values, from 0.
        missing: Values that mean that there is none.
    """

    command: Annotated[str, Meta(pattern=r"^([MC]C?[1-9]?|RC?[0-9])$")] = "MC"
    value: Annotated[int, Meta(ge=0, le=98)]
    missing: tuple[float, ...] = ()


class Sdi12Profile(Profile, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="sdi12", kw_only=True):
    """An SDI-12 sensor behind an adapter that takes and gives plain text.

    Attributes:
        longest_measurement_s: A sensor that says that it needs longer is refused: it would hold the others up.
    """

    longest_measurement_s: Annotated[float, Meta(gt=0, le=999)] = 30.0
    channels: Annotated[tuple[ValueChannel, ...], Meta(min_length=1, max_length=256)]
