# SPDX-License-Identifier: Apache-2.0
"""Cycles of ADD commands: a model of the element-wise engine's queues, cycle by cycle.

Data do not matter, only which queue holds how much. In the long run the lanes are the limit (three slots for as
many values as there are lanes); the model is run for the first lines only, until every further line takes the same.
"""

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache

from ..config import Config
from .conv import LANES_LATENCY

__all__ = ["LINES", "SUMS", "add_cycles", "slots_per_line"]

LINES = 4
"""Lines of each input read ahead, and lines of results on their way out."""

SUMS = 8
"""Sums between their first slot and their last: covers the lanes' latency at full rate."""

LINE_LATENCY = 3
"""Cycles from the transfer of a line's request to its data: the port's register and the memory (2)."""

CLAMP_LATENCY = 2

_STEADY = 24
"""Lines after which every further one takes ``3 · slots`` cycles."""


def slots_per_line(config: Config) -> int:
    """Lane slots that one activation line takes, per pass."""
    return -(-config.line_bytes // config.lanes)


def add_cycles(config: Config, lines: int) -> int:
    """Cycles from the transfer of an ADD command to its ``finished``, with lanes and memory to itself."""
    slots = slots_per_line(config)
    simulated = min(lines, _STEADY)
    return _simulate(slots, simulated) + (lines - simulated) * 3 * slots


@dataclass
class _Engine:
    """The state of :class:`celosia.gateware.datapath.elementwise.Elementwise` that decides its timing."""

    slots: int
    to_read: int
    to_write: int
    turn: int = 0
    room: int = LINES
    answers: deque = field(default_factory=deque)  # (cycle, input)
    queued: list = field(default_factory=lambda: [0, 0])
    left: int = 0
    phase: int = 0
    pairs: int = SUMS
    lines: int = LINES
    out_slot: int = 0
    slot: str | None = None
    lanes: deque = field(default_factory=deque)  # (cycle, kind)
    sums: int = 0
    summed: deque = field(default_factory=deque)
    collected: int = 0
    complete: deque = field(default_factory=deque)
    results: int = 0


@lru_cache(maxsize=1024)
def _simulate(slots: int, lines: int) -> int:
    e = _Engine(slots, lines, lines)
    cycle = 1  # the command was taken in cycle 0
    while True:
        if _cycle(e, cycle):
            return cycle + 1
        cycle += 1


def _cycle(e: _Engine, t: int) -> bool:
    """One clock cycle; true when the last line is written in it. All decisions see the state before the edge."""
    writing = e.results > 0
    reading = e.to_read > 0 and (e.turn or e.room > 0)
    out = e.sums > 0 and (e.out_slot or e.lines > 0)
    feed = e.left > 0 and (e.phase or e.pairs > 0)
    begin_pair = not out and feed and not e.phase
    load = (e.left == 0 or (e.left == 1 and not out and feed and e.phase)) and min(e.queued) > 0

    # Data that arrive at the end of this cycle.
    arrivals = [which for cycle, which in e.answers if cycle == t]
    e.answers = deque(a for a in e.answers if a[0] > t)
    sums = bool(e.summed) and e.summed[0] == t
    complete = bool(e.complete) and e.complete[0] == t
    if sums:
        e.summed.popleft()
    if complete:
        e.complete.popleft()

    # The slot register moves on to the lanes, the next one is chosen.
    if e.slot == "second":
        e.summed.append(t + LANES_LATENCY + 1)
    elif e.slot == "out":
        e.collected += 1
        if e.collected == e.slots:
            e.collected = 0
            e.complete.append(t + LANES_LATENCY + CLAMP_LATENCY + 1)
    if out:
        e.lines -= e.out_slot == 0
        e.out_slot = (e.out_slot + 1) % e.slots
        e.sums -= 1
        e.pairs += 1
        e.slot = "out"
    elif feed:
        e.slot = "second" if e.phase else "first"
        e.pairs -= begin_pair
        e.left -= e.phase
        e.phase ^= 1
    else:
        e.slot = None
    if load:
        e.left = e.slots
        e.queued = [q - 1 for q in e.queued]
        e.room += 1

    finish = False
    if writing:
        e.results -= 1
        e.lines += 1
        e.to_write -= 1
        finish = e.to_write == 0
    elif reading:
        e.answers.append((t + LINE_LATENCY, e.turn))
        e.room -= not e.turn
        e.to_read -= e.turn
        e.turn ^= 1
    for which in arrivals:
        e.queued[which] += 1
    e.sums += sums
    e.results += complete
    return finish
