# SPDX-License-Identifier: Apache-2.0
"""The mappings of a file or folder, each with the layers that it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import timeloop, timeloop_mapping, zigzag, zigzag_mapping
from .document import Value, load
from .nests import Wish
from .workload import Layer

__all__ = ["Wishes", "shape", "wishes_of"]


def shape(layer: Layer) -> tuple[int, ...]:
    """What tells a layer from one that is other work: all sizes but names and padding."""
    spans = [(s.out, s.kernel, s.stride if s.out > 1 else 1, s.dilation) for s in (layer.y, layer.x)]
    apart = layer.kind == "depthwise"
    return (apart, layer.batch, layer.channels, layer.filters, *spans[0], *spans[1])


@dataclass(frozen=True)
class Wishes:
    """Which layer is wanted how.

    Parameters
    ----------
    by_shape:
        For layers of a shape, one after the other; the last for all that follow.
    by_name:
        For layers of a name, of a kind of operator, or called "default", looked for in this order.
    """

    by_shape: Mapping[tuple[int, ...], Sequence[Wish]] = field(default_factory=dict)
    by_name: Mapping[str, Wish] = field(default_factory=dict)

    def of(self, layer: Layer, turn: int) -> Wish | None:
        """The wish for a layer after ``turn`` layers of its shape; None if there is none."""
        wishes = self.by_shape.get(shape(layer))
        if wishes:
            return wishes[min(turn, len(wishes) - 1)]
        names = (layer.name, zigzag.operator(layer), "default")
        return next((self.by_name[name] for name in names if name in self.by_name), None)


def wishes_of(path: Path) -> Wishes:
    """The mappings of a file, or of a folder of Timeloop's files.

    Raises
    ------
    ExchangeError
        It holds none that can be read.
    OSError
        It cannot be read.
    """
    if not path.is_dir():
        document = load(path)
        if document.is_list:
            return Wishes(by_name=zigzag_mapping.read(document))
        return _by_shape([document])
    documents = [load(file) for file in timeloop.files_of(path)]
    mapped = [document for document in documents if document.get("mapping")]  # what the host runs has none
    return _by_shape(mapped or documents)


def _by_shape(documents: Sequence[Value]) -> Wishes:
    result: dict[tuple[int, ...], list[Wish]] = {}
    for document in documents:
        layer, wish = timeloop_mapping.read(document)
        result.setdefault(shape(layer), []).append(wish)
    return Wishes(by_shape=result)
