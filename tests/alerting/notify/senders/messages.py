"""A message as senders take it."""

from typing import Any
from uuid import UUID

from siloscope_alerting.ports import Rendered

KEY = UUID("11111111-2222-5333-8444-555555555555")


def rendered(**told: Any) -> Rendered:
    """Return a message; `told` replaces parts of it."""
    parts: dict[str, Any] = {
        "notification_id": KEY,
        "title": "Warning: Bin 7: Too hot",
        "text": "Warning: Bin 7: Too hot\n\n- Bin 7, 31.2 °C < 40 & rising\n",
        "html": "<p>Bin 7, 31.2 °C</p>",
        "picture_png": None,
        "links": {},
        "payload": {
            "kind": "firing",
            "severity": "warning",
            "at": "2026-03-02T12:00:00Z",
            "incident": {"incident_id": 7},
        },
    }
    return Rendered(**{**parts, **told})
