# SPDX-License-Identifier: Apache-2.0
"""Cycles of each layer, from when the commands finished: of a run's events and of a prediction alike."""

from collections.abc import Iterable

__all__ = ["layer_cycles"]


def layer_cycles(finishes: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Cycles by layer, from pairs of a command's layer and the cycle it finished in.

    A layer's share is how much later its last command finished than the last of all earlier layers: layers
    overlap, and so no cycle counts twice. The sum is when the last command of all finished.
    """
    latest: dict[int, int] = {}
    for layer, finish in finishes:
        latest[layer] = max(latest.get(layer, 0), finish)
    result: dict[int, int] = {}
    before = 0
    for layer in sorted(latest):
        after = max(before, latest[layer])
        result[layer], before = after - before, after
    return result
