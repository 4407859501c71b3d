# SPDX-License-Identifier: Apache-2.0
"""Tilings that differ from one by a step: what a search tries once it knows where to look."""

from collections.abc import Iterator
from dataclasses import replace

from .network import Network
from .strips import kept
from .tiling import Stage, Tiling
from .variants import variants

__all__ = ["neighbours"]

_MOST = 4
"""Variants of a stage that are tried: those with the best estimates."""


def neighbours(network: Network, tiling: Tiling) -> Iterator[Tiling]:
    """Two stages joined, one parted, one changed, or a value kept on chip or not, the largest steps first.

    Not all of them are legal.
    """
    stages = tiling.stages
    for index in range(len(stages) - 1):
        first, second = stages[index : index + 2]
        if any({*first.layers, *second.layers} <= {*span} for span in network.spans):
            for stage in _best(network, first.layers + second.layers, tiling):
                yield _with(network, tiling, index, 2, (stage,))
    for index, stage in enumerate(stages):
        for place in range(1, len(stage.layers)):
            for first in _best(network, stage.layers[:place], tiling)[:1]:
                for second in _best(network, stage.layers[place:], tiling)[:1]:
                    yield _with(network, tiling, index, 1, (first, second))
    for index, stage in enumerate(stages):
        for other in _best(network, stage.layers, tiling):
            if other != stage:
                yield _with(network, tiling, index, 1, (other,))
    for value in {value for stage in stages for value in kept(network, stage) if value in network.readers}:
        yield replace(tiling, resident=tiling.resident ^ {value})


def _best(network: Network, layers: tuple[int, ...], tiling: Tiling) -> list[Stage]:
    """The stages of some layers with the best estimates, if they were alone in the memory."""
    around = {value for number in layers for value in (*network.inputs(number), network.layers[number].output)}
    resident = frozenset(tiling.resident & around)
    stored = set(kept(network, Stage(layers=layers, height=1))) - resident
    found = variants(network.costs, layers, network.config.activation_lines, resident)
    priced = sorted((network.costs.estimate(s, resident, stored).cycles, i, s) for i, s in enumerate(found))
    return [stage for _, _, stage in priced[:_MOST]]


def _with(network: Network, tiling: Tiling, index: int, count: int, stages: tuple[Stage, ...]) -> Tiling:
    """A tiling with ``count`` stages replaced, and without resident values that no longer leave a stage."""
    changed = (*tiling.stages[:index], *stages, *tiling.stages[index + count :])
    leaving = {value for stage in changed for value in kept(network, stage)}
    return Tiling(stages=changed, resident=tiling.resident & leaving)
