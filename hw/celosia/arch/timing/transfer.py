# SPDX-License-Identifier: Apache-2.0
"""Cycles of LOAD and STORE commands, beside each other and beside convolutions.

Both engines put one beat a cycle at most on the local bus, in turn; a beat for the activation memory waits for a cycle
in which no convolution writes there, and meanwhile nothing else passes. The external memory gives or takes a beat every
``spacing`` cycles, and holds a limited number of bursts, which is what limits rows of few beats.

Where the memory moves a beat in every cycle, beats are not followed one by one: between two points at which an engine
begins or ends, either engine's beats take the free cycles one after the other, or every other one.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from ..config import Config
from ..isa import Engine, Space
from .conv import Occupation, memory_way

__all__ = ["ExternalTiming", "Transfers", "transfer_cycles"]


@dataclass(frozen=True)
class ExternalTiming:
    """The external memory as the timing model sees it.

    Parameters
    ----------
    latency:
        Cycles from a read's address to its first beat, or from a write's last beat to its answer.
    gap:
        Idle cycles after every beat; 0 is one beat a cycle.
    stall:
        Probability that a channel does nothing in a cycle.
    jitter:
        Every burst's latency is longer by 0 to so many cycles, each equally likely.
    """

    latency: int = 1
    gap: int = 0
    stall: float = 0.0
    jitter: int = 0

    @property
    def spacing(self) -> float:
        """Cycles from a beat to the next, on average."""
        return 1 + self.gap + self.stall / (1 - self.stall)

    @property
    def delay(self) -> float:
        """Cycles of latency, on average."""
        return self.latency + self.jitter / 2


READ_FIRST, READ_LAST = 9, 5
"""Cycles beside the latency from a LOAD's begin to its first beat on the local bus, and from its last to its end."""

WRITE_FIRST, WRITE_LAST = 12, 11
"""Cycles from a STORE's begin to its first beat on the local bus, and beside the latency, and the ways to the memories
and back, from its last to its end."""

HELD = {Engine.LOAD: 6, Engine.STORE: 33}
"""Beats between the external bus and the local one: buffers on their way in, the STORE's queue and a buffer on their
way out."""

TO_BUS = 6
"""Cycles from a STORE's beat on the local bus to the external one, and those ways."""

TURNAROUND = 2
"""Cycles from a transfer's end to the next begin of its engine."""

BURSTS = 16
"""Bursts that the external memory holds in each direction."""

BURST_OVERHEAD = {Engine.LOAD: 0, Engine.STORE: 6}
"""Cycles beside latency and beats that a burst counts among :data:`BURSTS`."""


def ways(config: Config) -> int:
    """Cycles to a memory's blocks and back, and from there to the local bus: two each."""
    return 4 * memory_way(config)


def beats_of(config: Config, command: Mapping[str, int]) -> int:
    """Beats of a transfer."""
    return command["rows"] * (command["row_bytes"] // config.bus_bytes)


def spacing_of(config: Config, command: Mapping[str, int], external: ExternalTiming, engine: Engine) -> float:
    """Cycles from one beat of a transfer to the next: the memory's, or more where rows are short."""
    row = command["row_bytes"] // config.bus_bytes
    spacing = external.spacing
    if engine is Engine.LOAD and not external.gap:
        # a cycle without a beat costs another one, if the local bus has turned to others by then; as measured
        spacing += external.stall / (1 + 8 * external.stall)
    if command["rows"] <= BURSTS:
        return spacing
    # answers come in order, so that the longest of the latencies under way counts
    latency = external.latency + external.jitter * BURSTS / (BURSTS + 1)
    burst = (latency + BURST_OVERHEAD[engine] + row * spacing) / BURSTS
    return max(spacing, burst / row)


def transfer_cycles(config: Config, command: Mapping[str, int], external: ExternalTiming, engine: Engine) -> int:
    """Cycles of one transfer with local bus and activation memory to itself."""
    beats = beats_of(config, command)
    around = READ_FIRST + READ_LAST if engine is Engine.LOAD else WRITE_FIRST + WRITE_LAST + ways(config)
    return around + ceil(external.delay + (beats - 1) * spacing_of(config, command, external, engine))


@dataclass
class _Flow:
    """One transfer.

    Parameters
    ----------
    beats:
        Left.
    due:
        The cycle in which the next may be on the local bus.
    tail:
        Cycles from the last one there to the end.
    blocked:
        It waits for convolutions' writes.
    outside:
        When the last beat was on the external bus, as far as that is followed.
    recent:
        When the last beats that the way between both holds left it.
    """

    load: bool
    beats: int
    due: float
    spacing: float
    tail: float
    blocked: bool
    outside: float
    recent: deque[float]
    finish: int = -1


class Transfers:
    """The two engines while transfers begin, in order of time.

    Parameters
    ----------
    occupation:
        When convolutions write to the activation memory. All that do before a finish that is asked for must be there.
    """

    def __init__(self, config: Config, external: ExternalTiming, occupation: Occupation):
        self.config, self.external, self.occupation = config, external, occupation
        self._ways = ways(config)
        self._flows: dict[Engine, list[_Flow]] = {Engine.LOAD: [], Engine.STORE: []}
        self._now = 0
        self._served: _Flow | None = None

    def begin(self, engine: Engine, command: Mapping[str, int], taken: int) -> int:
        """A transfer that its engine takes in cycle ``taken``; returns its number, to ask for its finish."""
        external = self.external
        load = engine is Engine.LOAD
        first = taken + (READ_FIRST + external.delay if load else WRITE_FIRST)
        flow = _Flow(
            load=load,
            beats=beats_of(self.config, command),
            due=first,
            spacing=spacing_of(self.config, command, external, engine),
            tail=READ_LAST if load else WRITE_LAST + self._ways + external.delay,
            blocked=command["space"] == Space.ACTIVATIONS.value,
            outside=first if load else 0.0,
            recent=deque(maxlen=HELD[engine]),
        )
        self._flows[engine].append(flow)
        return len(self._flows[engine]) - 1

    def finish(self, engine: Engine, number: int) -> int:
        """The cycle in which a transfer finishes."""
        flow = self._flows[engine][number]
        while flow.finish < 0:
            self._advance()
        return flow.finish

    def _advance(self) -> None:
        """Let beats pass until a transfer begins or ends."""
        pending = [flows[-1] for flows in self._flows.values() if flows and flows[-1].finish < 0]
        first, *others = sorted(pending, key=lambda flow: flow.due)
        if any(flow.spacing > 1 for flow in pending):
            self._one_beat(pending)
        elif not others:
            self._alone(first, None)
        elif others[0].due - max(first.due, self._now) >= 1:
            self._alone(first, ceil(others[0].due))
        else:
            self._together(first, others[0])

    def _one_beat(self, pending: list[_Flow]) -> None:
        """The next beat on the local bus, where the external one is the slower: whose turn it is, if both wait."""
        waiting = [flow for flow in pending if flow.due <= self._now]
        flow = min(waiting or pending, key=lambda flow: (bool(waiting) and flow is self._served, flow.due))
        cycle = max(self._now, ceil(flow.due))
        if flow.blocked:
            cycle = self.occupation.free(cycle, 1)
        self._now, self._served = cycle + 1, flow
        flow.beats -= 1
        if flow.load:
            flow.recent.append(cycle)
            held = flow.recent[0] if len(flow.recent) == flow.recent.maxlen else 0
            flow.outside = flow.due = max(flow.outside + flow.spacing, held)
            end = cycle + flow.tail
        else:
            to_bus = TO_BUS + self._ways
            flow.outside = max(flow.outside + flow.spacing, cycle + to_bus)
            flow.recent.append(flow.outside)
            flow.due = flow.recent[0] - to_bus if len(flow.recent) == flow.recent.maxlen else cycle
            end = flow.outside - to_bus + flow.tail
        if flow.beats == 0:
            flow.finish = ceil(end)

    def _alone(self, flow: _Flow, until: int | None) -> None:
        """Beats of one transfer, up to its end or to cycle ``until``."""
        start = max(self._now, ceil(flow.due))
        count = flow.beats
        last = self.occupation.free(start, count) if flow.blocked else start + count - 1
        if until is not None and last >= until:
            count = self.occupation.count_free(start, until) if flow.blocked else until - start
            last = until - 1
        self._pass(flow, count, last)
        self._now = last + 1

    def _together(self, one: _Flow, other: _Flow) -> None:
        """Beats of both transfers in turn, up to the end of the shorter."""
        count = min(one.beats, other.beats)
        start = max(self._now, ceil(one.due))
        if one.blocked and other.blocked:
            last = self.occupation.free(start, 2 * count)
        elif one.blocked or other.blocked:
            last = self.occupation.free_pairs(start, count)
        else:
            last = start + 2 * count - 1
        self._pass(one, count, last - 1)
        self._pass(other, count, last)
        self._now = last + 1

    def _pass(self, flow: _Flow, count: int, last: int) -> None:
        flow.beats -= count
        flow.due = max(last + 1, flow.due)
        if flow.beats == 0:
            flow.finish = ceil(last + flow.tail)
