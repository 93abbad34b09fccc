"""Recipes: how samples that differ from an earlier one in nothing but numbers become rows, by compiled code.

What was read the long way once, with its node and its shape, is written down as a recipe: the text around the numbers,
and where in which row each number goes. Messages of which every sample fits one are read so from then on, to the same
bytes. Without a compiler there are no recipes, and everything is read the long way.
"""

from collections.abc import Iterator, Sequence

import siloscope_native as native
from siloscope_contract import templates
from siloscope_contract.packs import Sample
from siloscope_contract.texts import Text
from siloscope_ingest.entries import Row
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.shapes import Part
from siloscope_store.sample_rows import blank

Read = tuple[str | None, int | None, list[Row], int]
"""Epoch and number of a pack, its rows, and how many readings these are."""

_MOST_OF_A_DEVICE = 4
_MOST_DEVICES = 4096
_LONGEST_TEXT = 16_384
_RECIPE_BYTES = 300
"""About what a recipe takes beside its form, its place in the node's table included."""

_PATIENCE = 16
"""Learning costs as much as reading without a recipe, and where failures come and go hardly a text comes twice: of a
node of whose messages so many more fitted nothing, only each so manyth is learnt from, until they fit again."""

_EVER_MS = -(2**63), 2**63 - 1

_Known = dict[bytes, tuple["native.Recipe", ...]]
_FormKey = tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[tuple[int, int, float, float, float, float, float], ...]]


class RecipeBook:
    """The recipes of all nodes.

    Args:
        heaviest: So many bytes they may take; beyond that all are forgotten and written down anew.
    """

    def __init__(self, heaviest: int = 2**25) -> None:
        self._heaviest = heaviest
        self._weight = 0
        self._generation = 1
        self._forms: dict[_FormKey, native.Form] = {}
        self._filled: list[_Known] = []

    def read(self, node: KnownNode, document: bytes, natural_ms: tuple[int, int]) -> Read | None:
        """Return what a JSON document says, where every sample fits a recipe of its node and is of a natural time."""
        if node.recipes_of != self._generation or not node.recipes:
            return None
        found = native.read(document, node.recipes, *natural_ms)
        if found is not None:
            node.unlike >>= 1
        return found

    def learn(self, node: KnownNode, document: bytes, samples: Sequence[Sample], rows: Sequence[Row]) -> None:
        """Write down how samples became rows, so that others like them can go the same way.

        Recipes by which the document itself does not become these very rows are not kept.

        Args:
            node: Whose they are.
            document: Which said them, and nothing else.
            samples: As they were decoded.
            rows: What became of them: of each sample a row for each part of its shape.
        """
        if not native.IS_COMPILED or len(document) > _LONGEST_TEXT:
            return
        node.unlike += 1
        if node.unlike > _PATIENCE and node.unlike % _PATIENCE > 0:
            return
        texts = templates.texts(document)
        if texts is None or len(texts) != len(samples):
            return
        learnt: _Known = {}
        at = 0
        for text, sample in zip(texts, samples, strict=True):
            shape = node.shape(sample.device, sample.names, sample.units)
            if shape is None or text.shape.names != sample.names or text.shape.device != sample.device:
                return
            made = rows[at : at + len(shape.parts)]
            at += len(shape.parts)
            learnt[text.base] = _with(self._recipe(text, made), learnt.get(text.base, ()))
        read = native.read(document, learnt, *_EVER_MS)
        if read is not None and read[2] == rows:
            self._keep(node, learnt)
        if self._weight > self._heaviest:
            self._forget()

    def _keep(self, node: KnownNode, learnt: _Known) -> None:
        if node.recipes_of != self._generation:
            node.recipes.clear()
            node.recipes_of = self._generation
            self._filled.append(node.recipes)
            self._weight += _RECIPE_BYTES
        for base, recipes in learnt.items():
            known = node.recipes.get(base)
            if known is None and len(node.recipes) >= _MOST_DEVICES:
                continue
            kept = known or ()
            for recipe in reversed(recipes):
                kept = _with(recipe, kept)
            self._weight += _RECIPE_BYTES * len(recipes)
            node.recipes[base] = kept[:_MOST_OF_A_DEVICE]

    def _recipe(self, text: Text, rows: Sequence[Row]) -> "native.Recipe":
        parts = tuple(part for part, _, _ in rows)
        return native.Recipe(
            self._form(text, parts, [row for _, _, row in rows]),
            text.shape.device,
            parts,
            tuple(part.group_id for part in parts),
        )

    def _form(self, text: Text, parts: Sequence[Part], rows: Sequence[bytes]) -> "native.Form":
        """Return the form of a text, the same object for equal ones: thousands of devices are of one kind."""
        pieces = text.pieces
        blanks = [blank(row) for row in rows]
        key = pieces, tuple(row for row, _ in blanks), tuple(_places(text, parts, [places for _, places in blanks]))
        found = self._forms.get(key)
        if found is None:
            found = self._forms[key] = native.Form(*key, len(text.shape.names))
            self._weight += sum(map(len, pieces)) + sum(map(len, key[1])) + 200 * len(pieces)
        return found

    def _forget(self) -> None:
        """Begin anew, also for nodes that say nothing more."""
        self._generation += 1
        self._forms.clear()
        for recipes in self._filled:
            recipes.clear()
        self._filled.clear()
        self._weight = 0


def _with(recipe: "native.Recipe", known: "tuple[native.Recipe, ...]") -> "tuple[native.Recipe, ...]":
    """Return recipes of one base name with another one, which is tried first, in place of what it replaces."""
    return (recipe, *(other for other in known if other.form is not recipe.form))


def _places(
    text: Text, parts: Sequence[Part], in_rows: Sequence[Sequence[int | None]]
) -> Iterator[tuple[int, int, float, float, float, float, float]]:
    """Yield where each number goes, and what it must be."""
    of_reading = {
        reading: (row, in_rows[row][position]) for row, part in enumerate(parts) for reading, position in part.places
    }
    shape = text.shape
    for reading in text.good:
        row, at = of_reading[reading]
        unit = shape.found[reading]
        assert at is not None  # a value that was there is in the row
        assert unit is not None
        limits = shape.lows[reading], shape.highs[reading]
        yield row, at, *limits, unit.factor, unit.divisor, unit.offset
