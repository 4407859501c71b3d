# SPDX-License-Identifier: Apache-2.0
"""The machine: it takes one command after the other from its program memory and does what it says.

Commands run in program order, which gives every program without races the result it has on hardware; cycles
and events come from :mod:`celosia.arch.timing`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import COMMAND_BYTES, Engine, ErrorCause, IllegalCommandError, Opcode, Space, decode, opcodes
from celosia.arch.timing import ExternalTiming, Interval, Schedule, predict
from celosia.runtime.transport import Event

from .add import run_add
from .conv import run_conv
from .depthwise import run_depthwise
from .errors import StopError
from .memories import Memories

__all__ = ["Machine", "Run"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one start came to.

    Parameters
    ----------
    cause, index:
        Why and at which command it stopped; NONE after END.
    cycles, intervals:
        As predicted for the commands that ran.
    vectors:
        Vectors that the feeder issued.
    """

    cause: ErrorCause
    index: int
    cycles: int
    vectors: int
    intervals: list[Interval] = field(default_factory=list)

    def busy(self, engine: Engine) -> int:
        """Cycles in which ``engine`` had a command."""
        total, until = 0, 0
        for start, finish in sorted((s, f) for e, s, f in self.intervals if e is engine):
            total += max(finish, until) - max(start, until)
            until = max(finish, until)
        return total

    def events(self) -> list[Event]:
        """Starts and finishes, in order of time; in one cycle finishes come first."""
        events: list[Event] = []
        for engine, start, finish in self.intervals:
            if engine is not None:
                events += [Event(start, engine, True), Event(finish, engine, False)]
        return sorted(events, key=lambda event: (event.cycle, event.started))


class Machine:
    """Local memories, external memory, and what executes commands on them.

    Parameters
    ----------
    external:
        The external memory, as bytes from bus address 0.
    timing:
        What it is like, for the cycles; None is ideal.
    """

    def __init__(self, config: Config, external: np.ndarray, timing: ExternalTiming | None = None):
        self.config, self.timing = config, timing
        self.memories = Memories(config)
        self.external = external
        self._decoded: dict[int, dict[str, Any]] = {}
        self._predicted: dict[tuple[int, int], Schedule] = {}
        self._version = 0

    def run(self, start: int, base: int, size: int) -> Run:
        """Execute from command ``start``; LOAD and STORE may touch ``size`` external bytes from ``base``."""
        if self._version != self.memories.version:
            self._decoded.clear()
            self._predicted.clear()
            self._version = self.memories.version
        index = start
        while True:
            try:
                command = self._fetch(index)
                self._execute(command, base, size)
            except StopError as stop:
                return self._finished(start, index, stop.cause)
            if command["opcode"] is Opcode.END:
                return self._finished(start, index + 1, ErrorCause.NONE)
            index += 1

    def _fetch(self, index: int) -> dict[str, Any]:
        if index >= self.config.program_commands:
            raise StopError(ErrorCause.PROGRAM_OVERRUN)
        if index not in self._decoded:
            data = self.memories[Space.PROGRAM][index * COMMAND_BYTES :][:COMMAND_BYTES].tobytes()
            try:
                command = decode(data)
            except IllegalCommandError:
                raise StopError(ErrorCause.ILLEGAL_COMMAND) from None
            if command["opcode"] not in opcodes(self.config):
                raise StopError(ErrorCause.ILLEGAL_COMMAND)
            self._decoded[index] = command
        return self._decoded[index]

    def _execute(self, command: dict[str, Any], base: int, size: int) -> None:
        opcode = command["opcode"]
        if opcode is Opcode.CONV:
            run_conv(self.config, self.memories, command)
        elif opcode is Opcode.DEPTHWISE:
            run_depthwise(self.config, self.memories, command)
        elif opcode is Opcode.ADD:
            run_add(self.config, self.memories, command)
        elif opcode in (Opcode.LOAD, Opcode.STORE):
            self._transfer(command, base, size)

    def _transfer(self, f: dict[str, Any], base: int, size: int) -> None:
        """LOAD or STORE, row by row."""
        names = ("external_address", "external_stride", "local_address", "local_stride", "row_bytes")
        if any(value % self.config.bus_bytes for value in (base, *(f[name] for name in names))):
            raise StopError(ErrorCause.OUT_OF_BOUNDS)
        space, width, last = Space(f["space"]), f["row_bytes"], f["rows"] - 1
        far = f["external_address"] + last * f["external_stride"] + width
        near = f["local_address"] + last * f["local_stride"] + width
        if far > size or near > self.memories.size(space):
            raise StopError(ErrorCause.OUT_OF_BOUNDS)
        load = f["opcode"] is Opcode.LOAD
        if base + far > len(self.external):
            raise StopError(ErrorCause.BUS_READ if load else ErrorCause.BUS_WRITE)
        for row in range(f["rows"]):
            outer = base + f["external_address"] + row * f["external_stride"]
            inner = f["local_address"] + row * f["local_stride"]
            if load:
                self.memories.write(space, inner, self.external[outer : outer + width])
            else:
                self.external[outer : outer + width] = self.memories[space][inner : inner + width]

    def _finished(self, start: int, end: int, cause: ErrorCause) -> Run:
        """The run of commands ``start`` to ``end − 1``; with an error, ``end`` is the command to blame."""
        commands = [self._decoded[index] for index in range(start, end)]
        if (start, end) not in self._predicted:
            ended = commands if cause is ErrorCause.NONE else [*commands, _END]
            schedule = predict(self.config, ended, self.timing)
            self._predicted[start, end] = schedule
        schedule = self._predicted[start, end]
        return Run(
            cause=cause,
            index=end,
            cycles=schedule.cycles,
            vectors=schedule.vectors,
            intervals=schedule.intervals[: len(commands)],
        )


_END: dict[str, Any] = {"opcode": Opcode.END, "layer": 0, "waits": dict.fromkeys(Engine, 0)}
"""Ends the prediction of a program that an error stopped."""
