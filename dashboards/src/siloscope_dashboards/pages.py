"""One page of a list."""

from typing import Annotated, Generic, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, Field

LARGEST_ID = 2**31 - 1
Item = TypeVar("Item")

PathId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
QueryId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]


class Page(BaseModel, Generic[Item]):
    """Items, and where the next ones begin."""

    items: list[Item]
    next_cursor: str | None = Field(default=None, description="Pass it as `cursor` for the next page; null = the last")


SLUG = r"^[a-z0-9][a-z0-9_-]{0,63}$"
PathSlug = Annotated[str, Path(pattern=SLUG)]
QuerySlug = Annotated[str | None, Query(pattern=SLUG)]
QueryCursor = Annotated[str | None, Query(pattern=r"^[1-9]\d{0,17}$", description="The next_cursor of an earlier page")]
