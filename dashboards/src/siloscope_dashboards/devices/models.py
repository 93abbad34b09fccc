"""What the devices route gives."""

from typing import Any

from pydantic import BaseModel, Field


class Device(BaseModel):
    """A physical instrument."""

    id: int
    slug: str
    title: str | None
    profile: str | None = Field(description="The edge's profile of it", examples=["r4dcb08"])
    node: "DeviceNode"
    site_id: int
    channels: int
    attributes: dict[str, Any]


class DeviceNode(BaseModel):
    """The node behind which it stands."""

    id: int
    slug: str
