# SPDX-License-Identifier: Apache-2.0
"""Which rows of which value each strip of a stage makes, reads and stores."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .network import Network, Range
from .tiling import Stage

__all__ = ["Strip", "kept", "strip_count", "strips", "typical"]


@dataclass(frozen=True)
class Strip:
    """One strip.

    Parameters
    ----------
    made:
        By layer, the rows of its output; a layer that makes none is missing.
    read:
        By value from outside the stage, the rows that are read.
    stored:
        By value that outlives the stage, the rows of it that this strip completes.
    """

    made: dict[int, Range] = field(default_factory=dict)
    read: dict[int, Range] = field(default_factory=dict)
    stored: dict[int, Range] = field(default_factory=dict)

    def rows(self, network: Network, value: int) -> Range | None:
        """The rows of a value that are on chip in this strip."""
        if value in self.read:
            return self.read[value]
        maker = network.maker.get(value)
        if maker is None or maker not in self.made:
            return None
        return self.made[maker] if network.made(maker) > 1 else (0, network.rows(value).count)


def kept(network: Network, stage: Stage) -> tuple[int, ...]:
    """The values a stage makes that somebody after it reads."""
    inside = set(stage.layers)
    outputs = [network.layers[number].output for number in stage.layers]
    return tuple(
        value
        for value in outputs
        if value in network.moved or not set(network.readers.get(value, ())) <= inside or value not in network.readers
    )


def strip_count(network: Network, stage: Stage) -> int:
    """How many strips a stage has."""
    return -(-network.made(stage.layers[-1]) // stage.height)


def strips(network: Network, stage: Stage) -> Iterator[Strip]:
    """The strips of a stage in order."""
    last = stage.layers[-1]
    total = network.made(last)
    outlive = kept(network, stage)
    for first in range(0, total, stage.height):
        yield _strip(network, stage, outlive, (first, min(first + stage.height, total)), total)


def typical(network: Network, stage: Stage) -> list[tuple[Strip, int]]:
    """A few strips that stand for all, and for how many each does: those at the edges, and one of those between."""
    total = network.made(stage.layers[-1])
    count = strip_count(network, stage)
    outlive = kept(network, stage)
    chosen = sorted({0, 1, count // 2, count - 1} & {*range(count)})
    result: list[tuple[Strip, int]] = []
    for index in chosen:
        first = index * stage.height
        strip = _strip(network, stage, outlive, (first, min(first + stage.height, total)), total)
        result.append((strip, count - len(chosen) + 1 if index == count // 2 else 1))
    return result


def _strip(network: Network, stage: Stage, outlive: tuple[int, ...], last: Range, total: int) -> Strip:
    needed: dict[int, Range] = {}
    stored: dict[int, Range] = {}
    for value in outlive:
        count = network.rows(value).count if network.made(network.maker[value]) > 1 else 1
        share = (count * last[0] // total, count * last[1] // total)
        if share[0] < share[1]:
            stored[value] = needed[value] = share if count > 1 else (0, network.rows(value).count)
    made: dict[int, Range] = {}
    for number in reversed(stage.layers):
        value = network.layers[number].output
        if value not in needed:
            continue
        rows = needed.pop(value)
        made[number] = rows if network.made(number) > 1 else (0, 1)
        for source in network.inputs(number):
            part = network.needs(number, source, made[number])
            before = needed.get(source, part)
            needed[source] = (min(part[0], before[0]), max(part[1], before[1]))
    return Strip(made={n: made[n] for n in stage.layers if n in made}, read=needed, stored=stored)
