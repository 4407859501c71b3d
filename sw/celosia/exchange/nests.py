# SPDX-License-Identifier: Apache-2.0
"""How Celosia tiles a layer, in the words of loop nests; and how somebody else's nest wants it tiled.

A strategy decides three things of a layer that runs alone: the rows of output in a strip, whether strips or weights are
in the outer loop, and whether results are stored strip by strip or channels by channels. The parts into which weights
are cut follow from the core's memories. These are the loops whose tiles cross the external bus; the loops below them
are the core's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from celosia.arch.config import Config
from celosia.compiler.ir import AddLayer, ArrayLayer, DepthwiseLayer
from celosia.compiler.streaming import Network, Order, Stage, Tiling, named, refuse
from celosia.compiler.streaming.parts import Part, constants, parts_of
from celosia.compiler.streaming.strips import strip_count

from .errors import ExchangeError
from .workload import Layer

__all__ = [
    "LAYERWISE", "Nest", "Unroll", "Wish", "array_layer", "cut", "even_tiling", "nests_of", "part_count", "tiling_of",
    "unroll", "weight_words",
]  # fmt: skip

LAYERWISE = ("weight-stationary", "activation-stationary", "output-strips")
"""Strategies whose every stage is one layer: what a loop nest can say."""


@dataclass(frozen=True, kw_only=True)
class Nest:
    """The loops of a layer around the core's.

    Parameters
    ----------
    turned:
        Strips are of the output's columns, because the core has rows and columns the other way round.
    rows, height:
        Rows of the output, and of a strip; the last strip may have fewer.
    parts:
        Sets of weights that are loaded one after the other.
    """

    layer: Layer
    turned: bool
    rows: int
    height: int
    parts: int
    order: Order

    @property
    def strips(self) -> int:
        """How many strips there are."""
        return -(-self.rows // self.height)

    @property
    def last(self) -> int:
        """Rows of the last strip."""
        return self.rows - (self.strips - 1) * self.height


def tiling_of(network: Network, strategy: str | None) -> tuple[str, Tiling]:
    """The name and the tiling of a strategy; None: whichever of :data:`LAYERWISE` is predicted to be the fastest.

    Raises
    ------
    CompileError
        The strategy is unknown, or makes an illegal tiling.
    """
    if strategy is not None:
        tiling = named(strategy).choose(network)
        refuse(network, tiling, strategy)
        return strategy, tiling
    tilings = {name: named(name).choose(network) for name in LAYERWISE}
    exact = [name for name, tiling in tilings.items() if not any(_lossy(network, stage) for stage in tiling.stages)]
    best = min(exact, key=lambda name: network.streamed(tilings[name]).predicted)
    return best, tilings[best]


def even_tiling(network: Network) -> Tiling:
    """Every layer alone in the tallest strips of one height that fit, all weights for a strip before the next."""
    return Tiling(stages=tuple(_even(network, number) for span in network.spans for number in span))


def _even(network: Network, number: int) -> Stage:
    rows = network.made(number)
    for doubled in (True, False):
        for height in (n for n in range(rows, 0, -1) if rows % n == 0):
            stage = Stage(layers=(number,), height=height, doubled=doubled)
            if network.costs.lines(stage, frozenset()) <= network.config.activation_lines:
                return stage
    raise AssertionError(f"layer {number} is on the core, and not one row of it fits")  # network_of has seen to it


def nests_of(network: Network, tiling: Tiling, layers: Sequence[Layer]) -> dict[int, Nest]:
    """The nests of all layers that multiply and run on the core, by their place in a workload.

    Raises
    ------
    ExchangeError
        A stage has several layers, or a value stays on chip between stages: a nest is of one layer.
    """
    advice = f"choose a strategy that treats each layer alone ({', '.join(LAYERWISE)})"
    stages: dict[int, Stage] = {}
    for stage in tiling.stages:
        first, *rest = stage.layers
        if rest:
            raise ExchangeError(
                f"operators {first} to {rest[-1]} go through one strip together, and a mapping is of one: {advice}"
            )
        stages[first] = stage
    if tiling.resident:
        raise ExchangeError(f"values stay on chip from one layer to another, and a mapping is of one: {advice}")
    result: dict[int, Nest] = {}
    for place, layer in enumerate(layers):
        stage = stages.get(layer.op)
        if layer.multiplies and stage is not None:
            if _lossy(network, stage):
                raise ExchangeError(
                    f"layer {layer.name}: the strategy loads all channels of its input for each set of weights, and a "
                    f"mapping says those of the set: choose {' or '.join(LAYERWISE[1:])}"
                )
            result[place] = _nest(network, stage, layer)
    return result


def _lossy(network: Network, stage: Stage) -> bool:
    """Whether a stage moves what a nest would not: a depthwise layer's whole input for each part of its weights."""
    number = stage.layers[0]
    if not isinstance(network.layers[number], DepthwiseLayer) or stage.order is not Order.WEIGHTS:
        return False
    return strip_count(network, stage) > 1 and part_count(network, number) > 1


def _nest(network: Network, stage: Stage, layer: Layer) -> Nest:
    number = stage.layers[0]
    inside = array_layer(network, number)
    made = network.made(number)
    rows = inside.window.y.out
    return Nest(
        layer=layer,
        turned=inside.window.turned,
        rows=rows,
        height=rows if made == 1 else stage.height,
        parts=part_count(network, number),
        order=stage.order,
    )


def array_layer(network: Network, number: int) -> ArrayLayer:
    """A layer of the core that is no ADD."""
    layer = network.layers[number]
    assert not isinstance(layer, AddLayer)
    return layer


def part_count(network: Network, number: int) -> int:
    """Into how many parts the weights of a layer are cut."""
    return len(_parts(network, number))


def weight_words(network: Network, number: int) -> int:
    """Words of all weights of a layer."""
    return sum(part.words for part in _parts(network, number))


def _parts(network: Network, number: int) -> list[Part]:
    layer = array_layer(network, number)
    return list(parts_of(network.config, layer, constants(network.config, {number: layer})[number]))


# --- the core's own loops ---


@dataclass(frozen=True)
class Unroll:
    """What the array does at once: by dimension, across its columns and down its rows, and whether that is exact.

    Dimensions are those of :class:`Wish`.
    """

    columns: Mapping[str, int]
    rows: Mapping[str, int]
    exact: bool


def unroll(config: Config, layer: Layer) -> Unroll:
    """How the array computes a layer, as the nearest rectangle of a loop nest.

    A convolution's rows take runs of all channels of neighbouring taps, cut into vectors that do not stop at a tap: a
    nest says the same if the channels are a multiple of the rows, or if one run fits into them. A depthwise layer has
    a channel in each pair of columns and its window down the rows.
    """
    wide, tall = layer.x.kernel, layer.y.kernel
    if layer.kind == "depthwise":
        window = {"tall": tall, "wide": wide} if tall * wide <= config.rows else {}
        return Unroll({"groups": min(layer.channels, max(config.down_channels, 1))}, window, False)
    columns = {"filters": min(layer.filters, config.columns)}
    if layer.channels * wide <= config.rows:
        run = {"channels": layer.channels, "wide": wide}
        return Unroll(columns, {dim: size for dim, size in run.items() if size > 1} or {"channels": 1}, True)
    across = min(layer.channels, config.rows)
    return Unroll(columns, {"channels": across}, layer.channels % config.rows == 0 or wide == 1)


def cut(total: int, most: int) -> int:
    """The largest divisor of ``total`` up to ``most``."""
    return max(n for n in range(1, min(total, most) + 1) if total % n == 0)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """How a file of another tool wants a layer tiled.

    Dimensions are "filters", "channels", "groups" (a depthwise layer's channels), "rows", "columns", "tall", "wide" and
    "batch"; what is missing is 1.

    Parameters
    ----------
    where:
        The place in the file, for messages.
    outer:
        The loops over tiles that cross the external bus, the outermost first; a count of 0 is left to Celosia.
    tile:
        Sizes of those tiles; None where the format does not say.
    streamed:
        Loops inside a tile of the activations over weights that do not stay.
    spatial:
        What the array does at once; None where the format does not say.
    free:
        Nothing is said about loops: Celosia chooses.
    """

    where: str
    outer: tuple[tuple[str, int], ...] = ()
    tile: Mapping[str, int] | None = None
    streamed: Mapping[str, int] = field(default_factory=dict)
    spatial: Mapping[str, int] | None = None
    free: bool = False
