# SPDX-License-Identifier: Apache-2.0
"""Strategies: who decides how a network is cut into stages.

A strategy is any object with ``choose(network)``, which returns a :class:`.tiling.Tiling`; docs/strategies.md writes
one. A package adds its own under the entry point group :data:`GROUP`: the name is what ``--strategy`` takes, the object
a strategy, or a class of strategies. A class is made without arguments, or, for ``NAME:TEXT``, with the text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from ..errors import TilingError
from .cost import Costs
from .legal import stage_problems
from .network import Network
from .search import Search
from .strips import kept
from .tiling import Order, Stage, Tiling
from .variants import heights, splits

__all__ = [
    "BUILT_IN", "FAMILIES", "GROUP", "DepthFirst", "LayerByLayer", "StreamingStrategy", "known", "named", "names",
    "tallest",
]  # fmt: skip

GROUP = "celosia.strategies"

FAMILIES = {"mapping:FILE": EntryPoint("mapping", "celosia.exchange.strategy:Mapped", GROUP)}
"""Built-in classes of strategies that are made with a text, by how they are asked for."""


class StreamingStrategy(Protocol):
    """What decides about a network."""

    def choose(self, network: Network) -> Tiling:
        """A legal tiling of all layers; an illegal one is refused (:mod:`.legal`) with the strategy's name."""
        ...


def tallest(costs: Costs, layers: tuple[int, ...], order: Order = Order.STRIPS) -> Stage | None:
    """The stage of these layers with the fewest strips that fits the empty memory, with two buffers where they fit;
    None if even a strip of one row is too large."""
    network = costs.network
    for split in splits(network, layers):
        for doubled in (True, False):
            for height in heights(network.made(layers[-1])):
                stage = Stage(layers=layers, height=height, split=split, order=order, doubled=doubled)
                if costs.lines(stage, frozenset()) <= network.config.activation_lines:
                    return stage
    return None


@dataclass(frozen=True)
class LayerByLayer:
    """Every layer alone, in the tallest strips, everything between layers through external memory.

    Parameters
    ----------
    order:
        The loops of layers whose channels can be stored part by part; others have STRIPS.
    """

    order: Order

    def choose(self, network: Network) -> Tiling:
        """See :class:`StreamingStrategy`."""
        costs = network.costs
        return Tiling(stages=tuple(alone(costs, number, self.order) for span in network.spans for number in span))


def alone(costs: Costs, number: int, order: Order) -> Stage:
    """The stage of one layer in an order, or in STRIPS if it cannot have that."""
    network = costs.network
    possible = not any(stage_problems(network, Stage(layers=(number,), height=1, order=order)))
    for chosen in (order, Order.STRIPS) if possible else (Order.STRIPS,):
        stage = tallest(costs, (number,), chosen)
        if stage is not None:
            return stage
    raise AssertionError(f"layer {number} is on the core, and not one row of it fits")  # front has seen to it


@dataclass(frozen=True)
class DepthFirst:
    """As many layers as possible in every stage: the next one joins while that does not make the work longer.

    Parameters
    ----------
    longest:
        The most layers of a stage.
    """

    longest: int = 8

    def choose(self, network: Network) -> Tiling:
        """See :class:`StreamingStrategy`."""
        costs = network.costs
        stages: list[Stage] = []
        for span in network.spans:
            place = 0
            while place < len(span):
                *_, best = self._growing(costs, span[place : place + self.longest])
                stages.append(best)
                place += len(best.layers)
        return Tiling(stages=tuple(stages))

    def _growing(self, costs: Costs, layers: tuple[int, ...]) -> Iterator[Stage]:
        """Longer and longer stages from the first of some layers on, each no slower than its parts one by one."""
        apart = 0.0
        for count in range(1, len(layers) + 1):
            single = alone(costs, layers[count - 1], Order.STRIPS)
            apart += _cycles(costs, single)
            together = single if count == 1 else tallest(costs, layers[:count])
            if together is not None and _cycles(costs, together) <= apart:
                yield together


def _cycles(costs: Costs, stage: Stage) -> float:
    return costs.estimate(stage, frozenset(), set(kept(costs.network, stage))).cycles


BUILT_IN: dict[str, StreamingStrategy] = {
    "weight-stationary": LayerByLayer(Order.WEIGHTS),
    "activation-stationary": LayerByLayer(Order.STORED_BY_PART),
    "output-strips": LayerByLayer(Order.STRIPS),
    "depth-first": DepthFirst(),
}
"""The fixed strategies; ``search``, the default, is made of them and of its own."""


def names() -> tuple[str, ...]:
    """What :func:`named` knows."""
    return (*BUILT_IN, "search", *sorted(point.name for point in entry_points(group=GROUP)))


def named(name: str) -> StreamingStrategy:
    """The strategy of a name.

    Raises
    ------
    TilingError
        None has this name, or what the entry point names is none.
    """
    if name == "search":
        return Search(BUILT_IN)
    if name in BUILT_IN:
        return BUILT_IN[name]
    first, colon, text = name.partition(":")
    for point in _points(first):
        try:
            found = point.load()
            strategy = found(*([text] if colon else [])) if isinstance(found, type) else found
        except Exception as error:  # a stranger's module may raise anything
            text_is_wrong = colon and isinstance(error, (ValueError, OSError))
            blame = "" if text_is_wrong else f"{point.value} cannot be used: "
            raise TilingError(f"strategy {name}: {blame}{error}") from error
        if callable(getattr(strategy, "choose", None)):
            return strategy
        raise TilingError(f"strategy {name}: {point.value} has no method choose(network)")
    raise TilingError(f"no strategy is called {name!r}; choose one of {', '.join((*names(), *FAMILIES))}")


def known(name: str) -> bool:
    """Whether :func:`named` has, or can make, a strategy of this name."""
    first, colon, _ = name.partition(":")
    return name in names() or bool(colon and list(_points(first)))


def _points(name: str) -> Iterator[EntryPoint]:
    yield from (point for point in FAMILIES.values() if point.name == name)
    yield from entry_points(group=GROUP, name=name)
