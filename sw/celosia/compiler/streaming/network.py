# SPDX-License-Identifier: Apache-2.0
"""What a strategy may ask about a network: its layers, its values, and what strips of them need of each other.

Rows are the rows of images as they lie in memory: of an input with interleaved rows, its lines. A value that is no
single image of rows that the bus can move one by one counts as one row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

from celosia.arch.config import Config
from celosia.arch.timing import ExternalTiming

from ..ir import AddLayer, ArrayLayer, ConvLayer, DepthwiseLayer, Layer, Module
from ..layouts import Layout, Pitch
from .tiling import Tiling

if TYPE_CHECKING:
    from .cost import Costs
    from .program import Streamed

__all__ = ["Network", "Range", "Rows"]

Range = tuple[int, int]
"""Rows from the first up to and without the second."""


class Rows(NamedTuple):
    """How a value lies in memory: ``count`` rows, ``pitch`` bytes apart, ``size`` bytes in all, whole bus words."""

    count: int  # pyright: ignore[reportIncompatibleMethodOverride] - rows are never counted
    pitch: int
    size: int

    def bytes(self, rows: int) -> int:
        """Bytes of so many rows that follow each other."""
        return min(rows * self.pitch, self.size)


@dataclass(frozen=True, eq=False)
class Network:
    """A lowered module, and the external memory it will stream through.

    Parameters
    ----------
    module:
        After the passes lower and segment.
    timing:
        The external memory's.
    """

    module: Module
    timing: ExternalTiming

    @cached_property
    def costs(self) -> "Costs":
        """Estimates of what stages cost (:class:`.cost.Costs`)."""
        from .cost import Costs  # estimates ask about the network

        return Costs(self)

    def streamed(self, tiling: Tiling) -> "Streamed":
        """A legal tiling, scheduled; the same one once only."""
        from .program import Streamed  # schedules ask about the network

        if tiling not in self._streamed:
            self._streamed[tiling] = Streamed(self, tiling)
        return self._streamed[tiling]

    @cached_property
    def _streamed(self) -> dict[Tiling, "Streamed"]:
        return {}

    @property
    def config(self) -> Config:
        """The core's."""
        return self.module.config

    @cached_property
    def spans(self) -> tuple[tuple[int, ...], ...]:
        """The layers of each start of the machine: a stage never reaches from one into another."""
        return tuple(step.layers for step in self.module.steps if step.array)

    @property
    def layers(self) -> dict[int, Layer]:
        """By operator number, in order."""
        return self.module.layers

    @cached_property
    def readers(self) -> dict[int, tuple[int, ...]]:
        """Of every value that a layer reads, the layers that do, in order."""
        result: dict[int, tuple[int, ...]] = {}
        for number in self.layers:
            for value in self.inputs(number):
                result[value] = (*result.get(value, ()), number)
        return result

    @cached_property
    def maker(self) -> dict[int, int]:
        """Of every value that a layer makes, the layer."""
        return {layer.output: number for number, layer in self.layers.items()}

    @cached_property
    def moved(self) -> frozenset[int]:
        """Values that the host, or another start of the machine, reads: they must be in external memory."""
        of_span = {number: index for index, span in enumerate(self.spans) for number in span}
        across = {
            value
            for value, readers in self.readers.items()
            if value in self.maker and any(of_span[r] != of_span[self.maker[value]] for r in readers)
        }
        return frozenset(across.union(*(step.downloads for step in self.module.steps)))

    def inputs(self, number: int) -> tuple[int, ...]:
        """The values a layer reads."""
        layer = self.layers[number]
        return tuple(dict.fromkeys(layer.inputs)) if isinstance(layer, AddLayer) else (layer.input,)

    def rows(self, value: int) -> Rows:
        """How a value lies in memory."""
        return self._rows(value)

    @cached_property
    def _rows(self) -> Callable[[int], Rows]:
        return cache(self._find_rows)

    def _find_rows(self, value: int) -> Rows:
        bus, line = self.config.bus_bytes, self.config.line_bytes
        size = self.module.stored(value)
        whole = Rows(1, -(-size // line) * line, -(-size // line) * line)
        layout, shape = self.module.layouts.get(value), self.module.graph.tensors[value].shape
        if layout is None:
            if len(shape) != 4:
                return whole
            layout = Layout((shape[0], shape[1], shape[2], shape[3]), Pitch.dense(*shape[1:]))
        if layout.shape[0] != 1 or layout.pitch.row % bus:
            return whole
        count = layout.shape[1] if layout.lines is None else layout.lines.height
        joined = any(isinstance(self.layers[n], AddLayer) for n in self._around(value))
        if count == 1 or (joined and layout.pitch.row % line):
            return whole
        return Rows(count, layout.pitch.row, -(-size // bus) * bus)

    def _around(self, value: int) -> Iterable[int]:
        """The layers that read or make a value."""
        return (*self.readers.get(value, ()), *((self.maker[value],) if value in self.maker else ()))

    def made(self, number: int) -> int:
        """How many rows of its output a layer makes one by one; 1 if only all at once."""
        return self._made(number)

    @cached_property
    def _made(self) -> Callable[[int], int]:
        return cache(self._find_made)

    def _find_made(self, number: int) -> int:
        layer = self.layers[number]
        rows = self.rows(layer.output).count
        if isinstance(layer, AddLayer):
            return rows
        w = layer.window
        alike = w.batch == 1 and w.y.out == rows and (rows == 1 or w.written.row == self.rows(layer.output).pitch)
        return rows if alike else 1

    def needs(self, number: int, value: int, rows: Range) -> Range:
        """The rows of an input that some rows of a layer's output are made from."""
        layer, count = self.layers[number], self.rows(value).count
        if isinstance(layer, AddLayer):
            return rows
        w = layer.window
        if self.made(number) == 1 and rows == (0, 1):
            rows = (0, w.y.out)
        elif self.made(number) == 1:
            return 0, count
        if w.batch > 1 or w.y.size != count or (count > 1 and w.read.row != self.rows(value).pitch):
            return 0, count
        y = w.y
        first = rows[0] * y.stride - y.before
        last = (rows[1] - 1) * y.stride - y.before + (y.kernel - 1) * y.dilation + 1
        return max(0, min(first, count - 1)), min(count, max(last, 1))

    def channel_step(self) -> int:
        """Channels that a split must be a multiple of."""
        return lcm(self.config.columns, max(self.config.down_channels, 1))

    def splits(self, first: int, second: int) -> bool:
        """Whether one layer can make channels for a depthwise layer, some at a time, and nobody else reads them."""
        a, b = self.layers.get(first), self.layers.get(second)
        if not isinstance(a, ConvLayer) or not isinstance(b, DepthwiseLayer) or b.input != a.output:
            return False
        alone = self.readers[a.output] == (second,) and a.output not in self.moved
        plain = len(a.groups) == 1 and a.groups[0].first == 0 and a.window.outputs == b.window.channels
        return alone and plain and len(b.groups) == 1 and min(self.made(first), self.made(second)) > 1

    def channels(self, number: int) -> int:
        """Output channels of a layer on the array."""
        layer = self.layers[number]
        assert isinstance(layer, ArrayLayer)
        return layer.window.outputs
