# SPDX-License-Identifier: Apache-2.0
"""A mapping of another tool as a strategy: ``mapping:FILE``.

Nothing is rounded: what Celosia cannot do as it stands is refused, with what it could do. Layers that a mapping cannot
be of (ADD, pooling) have their own tallest strips.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path

from celosia.compiler.errors import TilingError
from celosia.compiler.streaming import Network, Order, Stage, Tiling
from celosia.compiler.streaming.legal import stage_problems
from celosia.compiler.streaming.strategies import alone, tallest

from .nests import Wish, array_layer, part_count, unroll, weight_words
from .wishes import shape, wishes_of
from .workload import Layer, workload_of

__all__ = ["Mapped"]


class Mapped:
    """The strategy.

    Parameters
    ----------
    path:
        A ZigZag mapping, a Timeloop file with a problem and its mapping, or a folder of those.

    Raises
    ------
    ExchangeError
        There is no mapping that can be read.
    OSError
        A file cannot be read.
    """

    def __init__(self, path: str):
        self.path = Path(path)
        self.wishes = wishes_of(self.path)

    def choose(self, network: Network) -> Tiling:
        """See :class:`celosia.compiler.streaming.StreamingStrategy`."""
        layers = {layer.op: layer for layer in workload_of(network.module.graph) if layer.multiplies}
        turns: Counter[tuple[int, ...]] = Counter()
        stages: list[Stage] = []
        for number in (number for span in network.spans for number in span):
            if number not in layers:
                stages.append(alone(network.costs, number, Order.STRIPS))
                continue
            layer = layers[number]
            wish = self.wishes.of(layer, turns[shape(layer)])
            turns[shape(layer)] += 1
            if wish is None:
                raise TilingError(
                    f"{self.path}: layer {layer.name}: no mapping is of its shape or name: add one, as celosia export "
                    f"writes it"
                )
            stages.append(_Chosen(network, number, layer, wish).stage())
        return Tiling(stages=tuple(stages))


class _Chosen:
    """One layer, and the stage that a wish makes of it."""

    def __init__(self, network: Network, number: int, layer: Layer, wish: Wish):
        window = array_layer(network, number).window
        self.network, self.number, self.layer, self.wish = network, number, layer, wish
        self.rows = window.y.out
        self.by = "columns" if window.turned else "rows"
        self.parts = part_count(network, number)
        self.part_of = "groups" if layer.kind == "depthwise" else "filters"
        self.outer = dict(wish.outer)

    def wrong(self, problem: str) -> TilingError:
        """The error for a problem with this wish."""
        return TilingError(f"{self.wish.where}: layer {self.layer.name}: {problem}")

    def stage(self) -> Stage:
        """The stage.

        Raises
        ------
        TilingError
            Celosia cannot do what is wanted.
        """
        self._check_spatial()
        if self.wish.free:
            return alone(self.network.costs, self.number, Order.STRIPS)
        self._check_loops()
        order = self._order()
        strips = self.outer.get(self.by, 1)
        if strips == 0:
            found = tallest(self.network.costs, (self.number,), order)
            if found is None:
                raise self.wrong("not even strips of one row fit the core's memory in this order")
            return found
        return self._strips(order, self._height(strips))

    def _check_spatial(self) -> None:
        """The array does at once what it does, whatever a mapping says."""
        config, wish = self.network.config, self.wish
        if wish.spatial is None or self.layer.kind == "depthwise":
            return
        ours = unroll(config, self.layer)
        taps = ("channels", "wide", "tall")
        for what, dims, have, most in (
            ("columns", ("filters",), ours.columns, config.columns),
            ("rows", taps, ours.rows, config.rows),
        ):
            wanted = _size(wish.spatial, dims)
            if wanted not in (_size(have, dims), most):
                raise self.wrong(
                    f"{wanted} of the loops over {', '.join(dims)} on the array's {what}; {config.name} has {most}, "
                    f"and {_size(have, dims)} for this layer: map for it, or choose a --config with {what}={wanted}"
                )
        for dim in ("rows", "columns", "batch"):
            if wish.spatial.get(dim, 1) > 1:
                raise self.wrong(f"{wish.spatial[dim]} {dim} at once: Celosia's array has filters and channels across")

    def _check_loops(self) -> None:
        """Only rows and parts of the weights have loops outside the core."""
        for dim, count in self.outer.items():
            pixels = self.wish.tile is None and self.rows == 1 and dim in ("rows", "columns")
            if dim in (self.by, self.part_of) or count == 1 or pixels:
                continue
            why = {
                "channels": "sums never leave the core", "tall": "sums never leave the core",
                "wide": "sums never leave the core", "batch": "all images are one tile",
                "filters": "a set of weights is of some channels",
            }.get(dim, f"a strip is whole {self.by}")  # fmt: skip
            raise self.wrong(f"a loop over {dim} outside the core: {why}, so it must be 1 there")
        if self.network.made(self.number) == 1 and self.outer.get(self.by, 1) > 1:
            raise self.wrong(f"{self.outer[self.by]} strips: its output is made whole only, so the loop must be 1")

    def _order(self) -> Order:
        wish, dims = self.wish, [dim for dim, _ in self.wish.outer]
        strips, parts = self.outer.get(self.by, 1), self.outer.get(self.part_of, 1)
        if wish.tile is None and (self.by not in dims or dims.index(self.by) == 0):
            return Order.STRIPS  # loops over weights within a strip: their tiles may cross the bus or not
        if parts == 1 or self.parts == 1:
            if parts > 1:
                raise self._wrong_parts(parts)
            self._check_streamed(strips)
            return Order.STRIPS
        weights_outside = dims.index(self.part_of) < dims.index(self.by)
        if parts not in (0, self.parts):
            raise self._wrong_parts(parts)
        order = Order.WEIGHTS if weights_outside else Order.STORED_BY_PART
        if weights_outside and self.part_of == "groups" and strips != 1:
            raise self.wrong(
                "weights outside strips: Celosia would load all channels of the input for each set: put rows outside"
            )
        for problem in stage_problems(self.network, Stage(layers=(self.number,), height=1, order=order)):
            raise self.wrong(f"{problem}: make the loop over {self.part_of} 1 outside the core")
        return order

    def _check_streamed(self, strips: int) -> None:
        """Weights that stay for all strips must fit; those that are streamed are cut into the core's own parts."""
        wish = self.wish
        streamed = wish.streamed.get(self.part_of, 1)
        if streamed > 1 and streamed != self.parts:
            raise self._wrong_parts(streamed)
        if wish.tile is None or streamed > 1 or strips == 1:
            return
        config = self.network.config
        needed = weight_words(self.network, self.number)
        if needed > config.weight_words:
            raise self.wrong(
                f"its weights stay for {strips} strips, and take {needed * config.weight_word_bytes} of "
                f"{config.weight_bytes} bytes: stream them in {self.parts} parts"
            )

    def _wrong_parts(self, parts: int) -> TilingError:
        return self.wrong(
            f"{parts} sets of {self.part_of}, and on {self.network.config.name} its weights are cut into {self.parts}: "
            f"make the loop {self.parts}"
        )

    def _height(self, strips: int) -> int:
        if strips == 1:
            return self.network.made(self.number)
        if self.wish.tile is not None:
            return self.wish.tile.get(self.by, 1)
        if self.rows % strips:
            divisors = ", ".join(str(n) for n in range(1, self.rows + 1) if self.rows % n == 0)
            raise self.wrong(f"{strips} strips of {self.rows} {self.by} are not even: choose one of {divisors}")
        return self.rows // strips

    def _strips(self, order: Order, height: int) -> Stage:
        """Strips of a height, with two buffers if these fit."""
        for doubled in (True, False):
            stage = Stage(layers=(self.number,), height=height, order=order, doubled=doubled)
            if self._fits(stage):
                return stage
        most = next((n for n in range(height - 1, 0, -1) if self._fits(replace(stage, height=n))), 0)
        room = self.network.config.activation_bytes
        raise self.wrong(
            f"a strip of {height} {self.by} does not fit {room} bytes of activation memory: "
            + (f"at most {most} do" if most else "none does in this order")
        )

    def _fits(self, stage: Stage) -> bool:
        return self.network.costs.lines(stage, frozenset()) <= self.network.config.activation_lines


def _size(spatial: Mapping[str, int], dims: tuple[str, ...]) -> int:
    """How many iterations of some loops are made at once."""
    return prod(spatial.get(dim, 1) for dim in dims)
