"""Outputs: what alarms may switch. Nothing that is not named here is ever written."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Output(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every output has. It is on while an alarm that names it is open, else off; nobody else should switch it.

    Attributes:
        name: Slug; alarms name it.
        title: For people.
        minimum_interval_s: Least time between two changes, so that a relay is not worn out. A failed one may have
            reached the device, so it counts.
        check_every_s: How often it is made sure that it is as it should be: read back, or where that cannot be,
            switched on again while it is on. Unless told, every 60 s where it can be read back, else never.
    """

    name: str
    title: str = ""
    minimum_interval_s: Annotated[float, Meta(ge=1, le=3600)] = 10.0
    check_every_s: Annotated[float, Meta(ge=5, le=86_400)] | None = None

    @property
    def checked_every_s(self) -> float | None:
        """How often it is checked in the end."""
        return self.check_every_s


class DeviceOutput(Output, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An output of a device on a bus; its driver adds where in the device it is.

    Attributes:
        device: A device of the configuration.
        read_back: Whether the device says what the output does; then every change is verified.
    """

    device: str
    read_back: bool = True

    @property
    def checked_every_s(self) -> float | None:
        return self.check_every_s or (60.0 if self.read_back else None)

    @property
    def point(self) -> str:
        """Where in the device it is; no two outputs may have the same."""
        raise NotImplementedError

    @property
    def words(self) -> tuple[str, str]:
        """What is written to switch it on, and off, for people."""
        raise NotImplementedError


class Call(Struct, frozen=True, forbid_unknown_fields=True):
    """One HTTP request; an answer of 2xx is success, and redirections are not followed.

    Attributes:
        url: http or https.
        method: `GET`, or `POST` with a JSON body.
        json: The body; unless told, it says which output is to be on or off, and why.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    json: dict[str, Any] | None = None


class CallOutput(Output, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An output that is switched by calling a URL.

    Attributes:
        switch_on: What is called to switch it on.
        switch_off: And off; nothing unless told.
        timeout_s: How long one call may take, with all that belongs to it.
        allow_public: Whether an address beyond this machine and its private networks may be called.
    """

    switch_on: Call
    switch_off: Call | None = None
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 5.0
    allow_public: bool = False
