"""Slugs: the names that stand in topics and keys. They are never renamed; display names stand apart."""

import re
from typing import NewType

from siloscope_contract.errors import MalformedName

Slug = NewType("Slug", str)

EXPECTED_SLUG = "1 to 64 of a-z, 0-9, _ and -, beginning with a letter or digit"
_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def is_slug(text: str) -> bool:
    """Say whether ``text`` may stand in a topic or key."""
    return _SLUG.fullmatch(text) is not None


def slug(text: str, what: str = "name") -> Slug:
    """Return ``text`` as a slug.

    Args:
        text: The candidate.
        what: What it names, for the error: ``device``, ``site``.

    Raises:
        MalformedName: ``text`` is no slug.

    >>> slug("bin-1")
    'bin-1'
    """
    if not is_slug(text):
        raise MalformedName("malformed_name", place=what, found=text, expected=EXPECTED_SLUG)
    return Slug(text)


def slugify(title: str) -> Slug:
    """Return the slug that a display name suggests.

    Raises:
        MalformedName: Nothing of ``title`` can stand in a slug.

    >>> slugify("Bin 1 (north)")
    'bin-1-north'
    """
    words = re.sub(r"[^a-z0-9_]+", "-", title.lower()).strip("-_")
    return slug(words[:64], "title")
