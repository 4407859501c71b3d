# SPDX-License-Identifier: Apache-2.0
"""Cycles of a program: the sequencer's fetches and waits around the engines' own models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..config import Config
from ..isa import COMMAND_BYTES, Engine, Opcode
from .conv import ConvModel
from .elementwise import add_cycles
from .transfer import ExternalTiming, transfer_cycles

__all__ = ["Interval", "Schedule", "predict"]

ENGINES = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.CONV: Engine.CONV,
    Opcode.DEPTHWISE: Engine.CONV,
    Opcode.ADD: Engine.ELEMENTWISE,
}

FETCH_CYCLES = COMMAND_BYTES // 8 + 3
"""Cycles from one command's arrival in the fetch register to the next one's, if nothing holds them up."""

FIRST_FETCH = 15
"""Cycles from the start to the first command's arrival: the engines' reset, then its fetch."""

CHECK_CYCLES = 2
"""Cycles from a command's arrival to its dispatch, and from ``finished`` to the dispatch of who waited for it."""


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

    Exact for CONV and DEPTHWISE, and for ADD while no CONV needs the lanes; LOAD and STORE are as good as ``external``.

    Parameters
    ----------
    commands:
        From the first command up to END, as :func:`celosia.arch.isa.decode` gives them.
    external:
        What the external memory is like.
    """
    external = external or ExternalTiming()
    conv = ConvModel(config)
    free = dict.fromkeys(Engine, 0)
    finishes: dict[Engine, list[int]] = {engine: [] for engine in Engine}
    intervals: list[Interval] = []
    arrival = FIRST_FETCH
    dispatch = 0
    for command in commands:
        ready = arrival + CHECK_CYCLES
        for engine, count in command["waits"].items():
            ready = max(ready, _finish_of(finishes[engine], count) + CHECK_CYCLES)
        opcode = command["opcode"]
        engine = ENGINES.get(opcode)
        if engine is None:
            dispatch = ready
            if opcode is Opcode.END:
                dispatch = max(ready, *(f[-1] + CHECK_CYCLES for f in finishes.values() if f), ready)
            finish = dispatch
        elif engine is Engine.CONV:
            dispatch = conv.accept(ready)
            finish = conv.run(command, dispatch)
        else:
            dispatch = max(ready, free[engine])
            cycles = (
                add_cycles(config, command["lines"])
                if engine is Engine.ELEMENTWISE
                else transfer_cycles(config, command, external, engine)
            )
            finish = dispatch + cycles
            free[engine] = finish
        if engine is not None:
            finishes[engine].append(finish)
        intervals.append(Interval(engine, dispatch, finish))
        arrival = max(dispatch + 1, arrival + FETCH_CYCLES)
    return Schedule(dispatch + 1, intervals, conv.vectors)


def _finish_of(finishes: list[int], count: int) -> int:
    """When an engine has finished ``count`` (modulo 256) of its commands.

    Of all counts that agree modulo 256 it is the one within 127 of those dispatched so far.
    """
    dispatched = len(finishes)
    ahead = (count - dispatched + 128) % 256 - 128
    index = dispatched + ahead
    return finishes[index - 1] if 0 < index <= dispatched else -(10**9)
