"""What ingest does for every message and reading, compiled.

Nothing depends on it for more than speed: where it was not compiled, or cannot be loaded, `IS_COMPILED` is false,
`OBSTACLE` says why, and nothing else is here. What is done here is then done by `siloscope_ingest.frames`, by
`siloscope_ingest.folding` and by the codec of the contract, to the same bytes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siloscope_native._batches import accounted, fold, incoming, learn
    from siloscope_native._frames import split
    from siloscope_native._samples import Form, Recipe, read

__all__ = ["IS_COMPILED", "OBSTACLE", "Form", "Recipe", "accounted", "fold", "incoming", "learn", "read", "split"]

try:
    from siloscope_native._batches import accounted, fold, incoming, learn
    from siloscope_native._frames import split
    from siloscope_native._samples import Form, Recipe, read
except ImportError as error:
    OBSTACLE: str | None = str(error)
else:
    OBSTACLE = None
IS_COMPILED = OBSTACLE is None
