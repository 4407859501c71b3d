# SPDX-License-Identifier: Apache-2.0
"""The order in which commands are dispatched, and what each waits for.

Each engine runs its commands in the order of the loops. Between engines, commands are put in the order in which they
can begin, as the timing model says: one that had to wait in front of the others would hold them up. A program that
is longer than the program memory becomes chapters, and each loads the next while it runs.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from celosia.arch.config import Config
from celosia.arch.isa import Engine, Opcode, Space
from celosia.arch.timing import ExternalTiming
from celosia.arch.timing.conv import ConvModel
from celosia.arch.timing.elementwise import add_cycles
from celosia.arch.timing.program import CHECK_CYCLES, FETCH_CYCLES, FIRST_FETCH
from celosia.arch.timing.transfer import TURNAROUND, transfer_cycles

from ..ir import Command
from ..passes.schedule import AHEAD, Tracker, end_waits

__all__ = ["chapters", "closed", "dispatched", "with_needs"]


def with_needs(commands: Iterable[Command], sizes: Mapping[Space | None, int], granule: int) -> list[Command]:
    """Commands of one start in the order of their loops, each with the counts of each engine that it must wait for."""
    tracker = Tracker(sizes, granule)
    issued: Counter[Engine] = Counter()
    result: list[Command] = []
    for command in commands:
        engine = command.engine
        assert engine is not None
        waits = tracker.needs(engine, command.reads, command.writes)
        issued[engine] += 1
        tracker.note(engine, issued[engine], command.reads, command.writes)
        result.append(replace(command, waits=waits))
    return result


def dispatched(config: Config, commands: Sequence[Command], timing: ExternalTiming) -> list[Command]:
    """Commands in the order of the cycles in which they can be dispatched."""
    queues: dict[Engine, deque[Command]] = {engine: deque() for engine in Engine}
    for command in commands:
        assert command.engine is not None
        queues[command.engine].append(command)
    machine = _Engines(config, timing)
    result: list[Command] = []
    while any(queues.values()):
        ready = [
            (machine.ready(engine, queue[0]), engine)
            for engine, queue in queues.items()
            if queue and machine.possible(queue[0])
        ]
        cycle, engine = min(ready)
        command = queues[engine].popleft()
        machine.run(engine, command, cycle)
        result.append(command)
    return result


class _Engines:
    """When each engine's commands finish, if nothing but they are in each other's way."""

    def __init__(self, config: Config, timing: ExternalTiming):
        self.config, self.timing = config, timing
        self.conv = ConvModel(config)
        self.finishes: dict[Engine, list[int]] = {engine: [] for engine in Engine}
        self.arrival = FIRST_FETCH

    def possible(self, command: Command) -> bool:
        """Whether all that it waits for has been dispatched."""
        return all(count <= len(self.finishes[engine]) for engine, count in command.waits.items())

    def ready(self, engine: Engine, command: Command) -> int:
        """The cycle in which a command can be dispatched."""
        cycle = self.arrival + CHECK_CYCLES
        for other, count in command.waits.items():
            if count > 0:
                cycle = max(cycle, self.finishes[other][count - 1] + CHECK_CYCLES)
        if engine is Engine.CONV:
            return self.conv.accept(cycle)
        turnaround = 0 if engine is Engine.ELEMENTWISE else TURNAROUND
        return max(cycle, self.finishes[engine][-1] + turnaround) if self.finishes[engine] else cycle

    def run(self, engine: Engine, command: Command, cycle: int) -> None:
        """Dispatch a command in this cycle."""
        fields = {"opcode": command.opcode, **command.fields}
        if engine is Engine.CONV:
            finish = self.conv.run(fields, cycle)
        elif engine is Engine.ELEMENTWISE:
            finish = cycle + add_cycles(self.config, command.fields["lines"])
        else:
            finish = cycle + transfer_cycles(self.config, command.fields, self.timing, engine)
        self.finishes[engine].append(finish)
        self.arrival = max(cycle + 1, self.arrival + FETCH_CYCLES)


def chapters(commands: Sequence[Command], count: int) -> list[list[Command]]:
    """Commands in ``count`` chapters, with their waits counted from each chapter's start."""
    edges = [len(commands) * index // count for index in range(count + 1)]
    issued: Counter[Engine] = Counter()
    result: list[list[Command]] = []
    for first, last in pairwise(edges):
        before = Counter(issued)
        chapter: list[Command] = []
        for command in commands[first:last]:
            engine = command.engine
            assert engine is not None
            waits = {
                e: max(0, number - before[e], issued[e] - before[e] - AHEAD) for e, number in command.waits.items()
            }
            issued[engine] += 1
            chapter.append(replace(command, waits=waits))
        result.append(chapter)
    return result


def closed(chapter: list[Command], last_layer: int, loading: Command | None) -> list[Command]:
    """A chapter up to END, with the LOAD of the next one in the middle of its LOADs."""
    result = list(chapter)
    if loading is not None:
        loads = [index for index, command in enumerate(result) if command.engine is Engine.LOAD]
        place = loads[len(loads) // 2] if loads else 0
        result.insert(place, loading)
        seen = sum(command.engine is Engine.LOAD for command in result[:place])
        result = [
            replace(c, waits={**c.waits, Engine.LOAD: c.waits[Engine.LOAD] + (c.waits[Engine.LOAD] > seen)})
            for c in result
        ]
    counts = Counter(command.engine for command in result)
    end = Command(opcode=Opcode.END, layer=last_layer, fields={}, waits=end_waits({e: counts[e] for e in Engine}))
    return [*result, end]
