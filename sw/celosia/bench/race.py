# SPDX-License-Identifier: Apache-2.0
"""Speeds measured side by side: in turns, in one run, so that what slows the machine down slows all of them."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Burst", "Speed", "race", "ratios"]

PATIENCE = 4
"""Times its share that one burst may take before its contestant sits out the rounds."""


@dataclass(frozen=True)
class Burst:
    """What was done at a stretch, in cycles and in inferences."""

    cycles: int
    inferences: int = 0


@dataclass(frozen=True)
class Speed:
    """What one contestant did in each of its rounds: cycles and inferences a second."""

    cycles: tuple[float, ...]
    inferences: tuple[float, ...]

    @property
    def cycles_per_second(self) -> float:
        """The median round's."""
        return statistics.median(self.cycles)

    @property
    def inferences_per_second(self) -> float:
        """The median round's."""
        return statistics.median(self.inferences)


def race(
    contestants: Mapping[str, Callable[[], Burst]],
    *,
    rounds: int,
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Speed]:
    """Let everybody run in turns, `rounds` times.

    Parameters
    ----------
    contestants
        By name, what does some work and says how much it was. Each runs once before the rounds, so that caches are
        full. Where that takes far longer than its share of a round, that run is its measurement, and the only one.
    seconds
        What one contestant runs for in one round: whole bursts, at least one.
    clock
        The time in seconds.
    progress
        Called with the number of turns done, of ``(rounds + 1) · len(contestants)``.

    Raises
    ------
    ValueError
        `rounds` is not positive.
    """
    if rounds < 1:
        raise ValueError(f"rounds must be at least 1, not {rounds!r}")
    turns: dict[str, list[tuple[float, float]]] = {}
    slow: set[str] = set()
    done = 0
    for number in range(rounds + 1):
        for name, run in contestants.items():
            if name not in slow:
                took, cycles, inferences = _turn(run, seconds if number else 0, clock)
                if not number and took > PATIENCE * seconds:
                    slow.add(name)
                if number or name in slow:
                    turns.setdefault(name, []).append((cycles / took, inferences / took))
            done += 1
            progress(done)
    return {name: Speed(*zip(*rates, strict=True)) for name, rates in turns.items()}


def _turn(run: Callable[[], Burst], seconds: float, clock: Callable[[], float]) -> tuple[float, int, int]:
    """Bursts until the time is over: what they took, and what they did."""
    cycles = inferences = 0
    start = clock()
    while True:
        burst = run()
        cycles += burst.cycles
        inferences += burst.inferences
        took = clock() - start
        if took >= seconds:
            return took, cycles, inferences


def ratios(one: Speed, other: Speed) -> tuple[float, ...]:
    """How many times as many cycles a second the one does as the other, round by round."""
    return tuple(a / b for a, b in zip(one.cycles, other.cycles, strict=False))
