# SPDX-License-Identifier: Apache-2.0
"""Which of many things are worth having when several costs count."""

from collections.abc import Callable, Sequence
from typing import TypeVar

__all__ = ["front"]

T = TypeVar("T")


def front(items: Sequence[T], costs: Callable[[T], Sequence[float]]) -> list[T]:
    """The items than which none is better: none costs less in one way and not more in any other.

    In the order in which they come. Of items that cost the same, all are there.
    """
    priced = sorted(((tuple(costs(item)), place) for place, item in enumerate(items)), key=lambda pair: pair[0])
    # What beats an item comes before it in this order, and if that is beaten in turn, what beats it does so, too.
    kept: list[tuple[tuple[float, ...], int]] = []
    for cost, place in priced:
        if not any(other != cost and all(a <= b for a, b in zip(other, cost, strict=True)) for other, _ in kept):
            kept.append((cost, place))
    return [items[place] for place in sorted(place for _, place in kept)]
