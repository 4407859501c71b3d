# SPDX-License-Identifier: Apache-2.0
"""Cycles of a program: the sequencer's fetches and waits around the engines' own models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, NamedTuple

from ..config import Config
from ..isa import COMMAND_BYTES, Engine, Opcode
from .conv import ConvModel
from .elementwise import add_cycles, add_finish
from .transfer import TURNAROUND, ExternalTiming, Transfers

__all__ = ["Interval", "Schedule", "predict"]

ENGINES = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.CONV: Engine.CONV,
    Opcode.DEPTHWISE: Engine.CONV,
    Opcode.ADD: Engine.ELEMENTWISE,
}

FETCH_CYCLES = COMMAND_BYTES // 8 + 5
"""Cycles from one command's arrival in the fetch register to the next one's, if nothing holds them up."""

START_CYCLES = 5
"""Cycles from the write of CONTROL.START to the first one that CYCLES counts, the origin of all others here."""

FIRST_FETCH = 16
"""Cycles from the start to the first command's arrival: the engines' reset, then its fetch."""

IN_PLACE = 2
"""Cycles less that a fetch takes without ``config.overlap``: no register behind the words, none for their kind."""

CHECK_CYCLES = 2
"""Cycles from a command's arrival to its dispatch, and from ``finished`` to the dispatch of who waited for it."""

END_CYCLES = 1
"""Cycles from the last ``finished`` to END, whose waits are met, if the engines are all it waited for."""

DONE_CYCLES = 2
"""Cycles from END to the first one that CYCLES no longer counts."""


class Interval(NamedTuple):
    """One command's stay in its engine (None: the sequencer itself), in cycles since the start."""

    engine: Engine | None
    start: int
    finish: int


@dataclass(frozen=True)
class Schedule:
    """What :func:`predict` says: cycles from start to done, an interval per command, vectors fed to the array."""

    cycles: int
    intervals: list[Interval] = field(repr=False)
    vectors: int


def predict(config: Config, commands: Sequence[Mapping[str, Any]], external: ExternalTiming | None = None) -> Schedule:
    """Predict one run of a program.

    Exact as long as nothing but the program uses the local memories, but for what a LOAD or STORE and an ADD, or both
    beside a convolution, are in each other's way.

    Parameters
    ----------
    commands:
        From the first command up to END, as :func:`celosia.arch.isa.decode` gives them.
    external:
        What the external memory is like.
    """
    machine = _Machine(config, external or ExternalTiming())
    for command in commands:
        machine.take(command)
    intervals = [Interval(engine, start, finish()) for engine, start, finish in machine.intervals]
    return Schedule(machine.dispatch + DONE_CYCLES, intervals, machine.conv.vectors)


class _Machine:
    """The sequencer and its engines while commands are dispatched one after the other.

    When an ADD or a transfer finishes depends on what runs beside it, which may be dispatched later. So a finish is a
    function, asked when something depends on it: by then all of that has been dispatched.
    """

    def __init__(self, config: Config, external: ExternalTiming):
        self.config = config
        self.conv = ConvModel(config)
        self.transfers = Transfers(config, external, self.conv.occupation)
        self.finishes: dict[Engine, list[Callable[[], int]]] = {engine: [] for engine in Engine}
        self.intervals: list[tuple[Engine | None, int, Callable[[], int]]] = []
        self.arrival = FIRST_FETCH if config.overlap else FIRST_FETCH - IN_PLACE
        self.dispatch = 0

    def take(self, command: Mapping[str, Any]) -> None:
        """Dispatch one command."""
        ready = self.arrival + CHECK_CYCLES
        for engine, count in command["waits"].items():
            ready = max(ready, self._finish_of(engine, count) + CHECK_CYCLES)
        engine = ENGINES.get(command["opcode"])
        if command["opcode"] is Opcode.END:
            ready = max(ready, *(f[-1]() + END_CYCLES for f in self.finishes.values() if f), ready)
        if engine is None:
            finish = partial(int, ready)
        elif engine is Engine.CONV:
            ready = self.conv.accept(ready)
            finish = partial(int, self.conv.run(command, ready))
        else:
            if self.finishes[engine]:
                turnaround = 0 if engine is Engine.ELEMENTWISE else TURNAROUND
                ready = max(ready, self.finishes[engine][-1]() + turnaround)
            if engine is Engine.ELEMENTWISE:
                self.conv.occupation.take_lines(ready + 1, add_cycles(self.config, command["lines"]))
                finish = cache(partial(add_finish, self.config, command["lines"], ready, self.conv.occupation))
            else:
                finish = cache(partial(self.transfers.finish, engine, self.transfers.begin(engine, command, ready)))
        if engine is not None:
            self.finishes[engine].append(finish)
        self.intervals.append((engine, ready, finish))
        self.dispatch = ready
        if self.config.overlap:
            self.arrival = max(ready + 1, self.arrival + FETCH_CYCLES)
        else:
            self.arrival = finish() + FETCH_CYCLES - IN_PLACE

    def _finish_of(self, engine: Engine, count: int) -> int:
        """When an engine has finished ``count`` (modulo 256) of its commands.

        Of all counts that agree modulo 256 it is the one within 127 of those dispatched so far.
        """
        finishes = self.finishes[engine]
        ahead = (count - len(finishes) + 128) % 256 - 128
        index = len(finishes) + ahead
        return finishes[index - 1]() if 0 < index <= len(finishes) else -CHECK_CYCLES
