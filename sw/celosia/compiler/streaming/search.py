# SPDX-License-Identifier: Apache-2.0
"""The default strategy: a search over stages, strip heights, splits, orders and what stays on chip.

Stages are contiguous, so that a shortest path finds the best sequence of them: its points are the places between
layers, with the values that are on chip there. Edges are priced by :class:`.cost.Costs`. The best paths, for several
lengths of stages and shares of the memory, are then scheduled whole and changed a step at a time
(:mod:`.neighbours`), and what the timing model predicts for them decides.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from time import monotonic
from typing import TYPE_CHECKING

from .cost import Costs
from .legal import check
from .memo import remember, remembered
from .neighbours import neighbours
from .network import Network
from .program import Streamed
from .strips import kept
from .tiling import Stage, Tiling
from .variants import variants

if TYPE_CHECKING:
    from .strategies import StreamingStrategy

__all__ = ["Paths", "Search"]

MOST_LAYERS = 8
"""Layers of the longest stage that is tried."""


@dataclass(frozen=True)
class _Found:
    """A path so far."""

    cycles: float
    stages: tuple[Stage, ...] = ()
    resident: frozenset[int] = frozenset()


@dataclass
class Paths:
    """The cheapest tiling of a network for one idea of its memory.

    Parameters
    ----------
    room:
        Activation lines to plan with.
    longest:
        The most layers of a stage.
    """

    costs: Costs
    room: int
    longest: int = MOST_LAYERS
    _priced: dict[tuple, tuple[float, Stage] | None] = field(default_factory=dict)

    def best(self) -> Tiling | None:
        """The best tiling, None if nothing fits."""
        network = self.costs.network
        result = Tiling(stages=())
        for span in network.spans:
            found = self._span(span)
            if found is None:
                return None
            result = Tiling(stages=result.stages + found.stages, resident=result.resident | found.resident)
        return result

    def _span(self, span: tuple[int, ...]) -> _Found | None:
        """A shortest path: from each place and what is on chip there, over every stage that may follow."""
        fronts: list[dict[frozenset[int], _Found]] = [{} for _ in range(len(span) + 1)]
        fronts[0][frozenset()] = _Found(0.0)
        for place in range(len(span)):
            for alive, found in fronts[place].items():
                for length in range(1, min(self.longest, len(span) - place) + 1):
                    layers = span[place : place + length]
                    for after, cost, stage, new in self._edges(span, place, layers, alive):
                        total = found.cycles + cost
                        front = fronts[place + length]
                        if after not in front or front[after].cycles > total:
                            front[after] = _Found(total, (*found.stages, stage), found.resident | new)
        return fronts[-1].get(frozenset())

    def _edges(
        self, span: tuple[int, ...], place: int, layers: tuple[int, ...], alive: frozenset[int]
    ) -> Iterator[tuple[frozenset[int], float, Stage, frozenset[int]]]:
        network = self.costs.network
        later = set(span[place + len(layers) :])
        outlive = kept(network, Stage(layers=layers, height=1))
        staying = [v for v in outlive if set(network.readers.get(v, ())) & later and self._small(v)]
        through = frozenset(v for v in alive if set(network.readers[v]) & later)
        for new in _subsets(staying):
            on_chip = alive | new
            room = self.room - sum(self._lines(v) for v in on_chip)
            if room < 0:
                continue
            priced = self._price(layers, room, alive, new, outlive)
            if priced is not None:
                yield through | new, priced[0], priced[1], new

    def _price(
        self, layers: tuple[int, ...], room: int, alive: frozenset[int], new: frozenset[int], outlive: tuple[int, ...]
    ) -> tuple[float, Stage] | None:
        network = self.costs.network
        read = {v for number in layers for v in network.inputs(number)}
        key = (layers, room, alive & read, new)
        if key not in self._priced:
            resident = (alive & read) | new
            stored = {v for v in outlive if v not in new or v in network.moved}
            options = (
                (self.costs.estimate(stage, resident, stored).cycles, index, stage)
                for index, stage in enumerate(variants(self.costs, layers, room, resident))
            )
            best = min(options, default=None)
            self._priced[key] = None if best is None else (best[0], best[2])
        return self._priced[key]

    def _small(self, value: int) -> bool:
        return self._lines(value) <= self.room * 3 // 4

    def _lines(self, value: int) -> int:
        return -(-self.costs.network.rows(value).size // self.costs.network.config.line_bytes)


def _subsets(values: Iterable[int]) -> Iterator[frozenset[int]]:
    values = list(values)
    for size in range(len(values) + 1):
        for chosen in combinations(values, size):
            yield frozenset(chosen)


@dataclass(frozen=True)
class Search:
    """The strategy: the best of several paths and of the fixed strategies.

    Parameters
    ----------
    fixed:
        Strategies to be no worse than, by name.
    seconds:
        After so long nothing new is tried.
    """

    fixed: Mapping[str, "StreamingStrategy"]
    seconds: float = 3.0

    def choose(self, network: Network) -> Tiling:
        """See :class:`.strategies.StreamingStrategy`."""
        kept_before = remembered(network)
        return kept_before or remember(network, self.best(network).tiling)

    def best(self, network: Network) -> Streamed:
        """The best tiling found, scheduled; nothing remembered."""
        end = monotonic() + self.seconds
        costs = network.costs
        best: Streamed | None = None
        lines = network.config.activation_lines
        for longest, room in _EFFORTS:
            if best is not None and monotonic() > end:
                break
            tiling = Paths(costs, int(lines * room), longest).best()
            if tiling is not None:
                best = _better(best, network, tiling)
        for strategy in self.fixed.values():
            tiling = strategy.choose(network)
            if best is None or _total(costs, tiling) < _WORTH * best.predicted:
                best = _better(best, network, tiling)
        while best is not None and monotonic() < end:
            before = best
            for tiling in neighbours(network, best.tiling):
                best = _better(best, network, tiling)
                if best is not before or monotonic() > end:
                    break
            else:
                break
        assert best is not None  # strips of one row fit, or the layer would not be here
        return best


_EFFORTS = ((6, 1.0), (4, 0.9), (8, 1.0))
"""Longest stages, and shares of the memory, in the order in which they are tried."""

_WORTH = 1.25
"""A fixed strategy is scheduled if its estimate is below so many times the best prediction."""


def _better(best: Streamed | None, network: Network, tiling: Tiling) -> Streamed | None:
    """The better of what there is and a tiling, if it is legal."""
    if any(check(network, tiling)):
        return best
    found = network.streamed(tiling)
    return found if best is None or found.predicted < best.predicted else best


def _total(costs: Costs, tiling: Tiling) -> float:
    """The estimate of a whole tiling."""
    stored = set(costs.network.maker) - tiling.resident | costs.network.moved
    return sum(costs.estimate(stage, tiling.resident, stored).cycles for stage in tiling.stages)
