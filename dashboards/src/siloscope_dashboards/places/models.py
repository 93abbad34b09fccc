"""What the places routes give."""

from pydantic import BaseModel, Field

from siloscope_dashboards.channels.models import Channel


class Span(BaseModel):
    """The recent readings of one quantity in one place."""

    min: float | None
    mean: float | None
    max: float | None
    unit: str


class PlaceFields(BaseModel):
    """What a place is and how its channels are."""

    id: int
    slug: str
    title: str
    kind: str = Field(examples=["bin", "cold_room", "mast"])
    site_id: int
    reporting: int = Field(description="Channels whose newest reading is recent and not bad")
    stale: int = Field(description="Channels whose newest reading is too old")
    bad: int = Field(description="Channels whose newest reading is bad")
    unheard: int = Field(description="Placements whose channel was never heard of")
    grain: dict[str, Span] = Field(
        description="What the channels at a level of a cable read, by quantity; stale and bad readings do not count"
    )
    summary: dict[str, Span] = Field(
        description="The same of all other channels: the air above the grain or in the room, fans, the mast"
    )


class Place(PlaceFields):
    """A place in a list."""

    channels: int = Field(description="How many channels are placed here now, those included that were never heard of")


class PlaceDetail(PlaceFields):
    """A place with its channels."""

    channels: list[Channel]
