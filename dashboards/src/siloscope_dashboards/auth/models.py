"""What the auth routes take and give."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Username = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f]+$")]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class Credentials(BaseModel):
    """A user's name and password."""

    model_config = ConfigDict(hide_input_in_errors=True)

    username: Username
    password: Password


class Refresh(BaseModel):
    """The refresh token of an earlier answer."""

    model_config = ConfigDict(hide_input_in_errors=True)

    refresh_token: RefreshToken


class Tokens(BaseModel):
    """An access token for the next minutes, and a refresh token that gets the next pair, once."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - RFC 6749's name of the scheme, not a secret
    expires_in: int = Field(description="Seconds that the access token lasts", examples=[900])
    refresh_token: str


class OrganisationModel(BaseModel):
    """The organisation whose data alone a user sees."""

    id: int
    slug: str
    name: str


class Me(BaseModel):
    """The logged-in user."""

    id: int
    username: str
    role: str
    organisation: OrganisationModel
