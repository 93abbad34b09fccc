"""What ingest does for every message and reading, compiled.

Nothing depends on it for more than speed: without a compiler `IS_COMPILED` is false and nothing else is here. What is
done here is then done by `siloscope_ingest.frames` and by the codec of the contract, to the same bytes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from siloscope_native._frames import split
    from siloscope_native._samples import Form, Recipe, read

__all__ = ["IS_COMPILED", "Form", "Recipe", "read", "split"]

try:
    from siloscope_native._frames import split
    from siloscope_native._samples import Form, Recipe, read
except ModuleNotFoundError:
    IS_COMPILED = False
else:
    IS_COMPILED = True
