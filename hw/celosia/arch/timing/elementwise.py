# SPDX-License-Identifier: Apache-2.0
"""Cycles of ADD commands: a model of the element-wise engine's queues, cycle by cycle.

Data do not matter, only which queue holds how much, and in which cycles convolutions need the lanes or the
activation memory. Alone, the lanes are the limit (three slots for as many values as there are lanes); then the model
is run for the first lines only, until all further ones take the same.
"""

from collections import deque
from functools import lru_cache

from ..config import Config
from .conv import LANES_LATENCY, Occupation, clamp_latency, memory_way

__all__ = ["LINES", "SLOT_LATENCY", "SUMS", "add_cycles", "add_finish", "slots_per_line"]

LINES = 4
"""Lines of each input read ahead, and lines of results on their way out."""

SUMS = 8
"""Sums between their first slot and their last: covers the lanes' latency at full rate."""

DECISION = 3
"""Cycles from the decision what a slot carries to the slot: one for its way to all lanes, one for the sum or the input
less its zero point."""

SLOT_LATENCY = LANES_LATENCY + 1
"""Cycles from a slot to its scaled values: one more than a convolution's totals need."""

_STEADY, _PERIOD = 24, 20
"""From the first number of lines on, every further ``_PERIOD`` of them take the same number of cycles."""


def slots_per_line(config: Config) -> int:
    """Lane slots that one activation line takes, per pass."""
    return -(-config.line_bytes // config.lanes)


def line_latency(config: Config) -> int:
    """Cycles from the transfer of a line's request to its data: on the way to the port, the port's register, the memory
    (2 and its ways)."""
    return 4 + 2 * memory_way(config)


def add_cycles(config: Config, lines: int) -> int:
    """Cycles from the transfer of an ADD command to its ``finished``, with lanes and memory to itself."""
    engine = slots_per_line(config), line_latency(config), clamp_latency(config)
    if lines < _STEADY:
        return _alone(*engine, lines)
    periods, rest = divmod(lines - _STEADY, _PERIOD)
    first, second = (_alone(*engine, _STEADY + rest + periods * _PERIOD) for periods in (0, 1))
    return first + periods * (second - first)


def add_finish(config: Config, lines: int, taken: int, occupation: Occupation) -> int:
    """The cycle in which an ADD command taken in cycle ``taken`` finishes, beside convolutions."""
    alone = taken + add_cycles(config, lines)
    if not occupation.any(taken, alone):
        return alone
    engine = _Engine(slots_per_line(config), line_latency(config), clamp_latency(config), lines)
    cycle = taken + 1
    while not engine.cycle(cycle, occupation.lanes(cycle + DECISION + 1), occupation.memory(cycle + 1)):
        cycle += 1
    return cycle + 1


@lru_cache(maxsize=1024)
def _alone(slots: int, latency: int, clamp: int, lines: int) -> int:
    engine = _Engine(slots, latency, clamp, lines)
    cycle = 1
    while not engine.cycle(cycle, False, False):
        cycle += 1
    return cycle + 1


class _Engine:
    """The state of :class:`celosia.gateware.datapath.elementwise.Elementwise` that decides its timing."""

    def __init__(self, slots: int, latency: int, clamp: int, lines: int):
        self.latency, self.clamp = latency, clamp
        self.slots, self.to_read, self.to_write = slots, lines, lines
        self.turn, self.room = 0, LINES
        self.answers: deque[tuple[int, int]] = deque()  # (cycle, which input)
        self.queued = [0, 0]
        self.left, self.phase, self.loaded = 0, 0, 0
        self.pairs, self.lines, self.out_slot = SUMS, LINES, 0
        self.summed: deque[int] = deque()  # cycles in which sums enter their queue
        self.sums, self.collected, self.results = 0, 0, 0
        self.complete: deque[int] = deque()  # cycles in which lines of results enter theirs

    def cycle(self, t: int, lanes_taken: bool, memory_taken: bool) -> bool:
        """One clock cycle; true when the last line is written in it. Decisions see the state before its end.

        Whether the memory is a convolution's is said of the next cycle, whether the lanes are, of the fourth from now.
        """
        arrived = self._arrivals(t)
        writing = self.results > 0 and not memory_taken
        reading = self.to_read > 0 and (self.turn or self.room > 0) and self.results == 0 and not memory_taken
        self._issue(t, lanes_taken)
        if writing:
            self.results -= 1
            self.lines += 1
            self.to_write -= 1
        elif reading:
            self.answers.append((t + self.latency, self.turn))
            self.room -= not self.turn
            self.to_read -= self.turn
            self.turn ^= 1
        lines, sums, results = arrived
        for which in lines:
            self.queued[which] += 1
        self.sums += sums
        self.results += results
        return writing and self.to_write == 0

    def _arrivals(self, t: int) -> tuple[list[int], int, int]:
        """What enters its queue at the end of this cycle: input lines, sums, lines of results."""
        lines = []
        while self.answers and self.answers[0][0] == t:
            lines.append(self.answers.popleft()[1])
        sums = bool(self.summed) and self.summed[0] == t
        complete = bool(self.complete) and self.complete[0] == t
        if sums:
            self.summed.popleft()
        if complete:
            self.complete.popleft()
        return lines, sums, complete

    def _issue(self, t: int, lanes_taken: bool) -> None:
        """What the lanes' next slot is to carry is decided, if they are free for it."""
        out = not lanes_taken and self.sums > 0 and (self.out_slot > 0 or self.lines > 0)
        feed = not lanes_taken and not out and self.left > 0 and (self.phase > 0 or self.pairs > 0)
        ends = self.left == 1 and feed and self.phase > 0
        load = (self.left == 0 or ends) and min(self.queued) > 0
        if out:
            self.lines -= self.out_slot == 0
            self.out_slot = (self.out_slot + 1) % self.slots
            self.sums -= 1
            self.pairs += 1
            self.collected += 1
            if self.collected == self.slots:
                self.collected = 0
                self.complete.append(t + DECISION + SLOT_LATENCY + self.clamp + 1)
        elif feed:
            if self.phase:
                self.summed.append(t + DECISION + SLOT_LATENCY + 1)
            self.pairs -= 1 - self.phase
            self.left -= self.phase
            self.phase ^= 1
        self.room += self.loaded  # a cycle late
        self.loaded = load
        if load:
            self.left = self.slots
            self.queued = [queued - 1 for queued in self.queued]
