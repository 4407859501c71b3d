# SPDX-License-Identifier: Apache-2.0
"""One point, compiled and predicted: what it costs, or why it cannot be."""

import time
from collections import Counter
from dataclasses import dataclass, field
from math import ceil

from celosia import compiler
from celosia.arch.isa import Opcode
from celosia.arch.timing import ExternalTiming
from celosia.bench.tiling import bounds
from celosia.compiler.errors import CompileError
from celosia.model.errors import ModelError
from celosia.model.graph import Graph
from celosia.runtime.program import ArrayStep, Program

from .space import BEST, LOCAL, Point

__all__ = ["Outcome", "measure"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a point.

    Parameters
    ----------
    why:
        Why it cannot be, else "". Then nothing below is known.
    strategy:
        That was taken.
    cycles:
        Of one inference, predicted: the array's and the lanes' share.
    bound:
        Cycles that no tiling which runs layer by layer can beat: of computing with every multiplier at work, or of
        moving compulsory bytes (:func:`celosia.bench.tiling.bounds`).
    macs:
        That the core does.
    traffic:
        External bytes of one inference, by kind; only "inputs" and "outputs" of networks that stay on chip.
    local:
        Peak bytes of the local memories, of networks that are streamed.
    host:
        Kinds of operators that the host computes, and how many: their time is in no cycle count.
    seconds:
        That compiling took.
    """

    why: str = ""
    strategy: str = ""
    cycles: int = 0
    bound: int = 0
    macs: int = 0
    traffic: dict[str, int] = field(default_factory=dict)
    local: dict[str, int] = field(default_factory=dict)
    host: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def bytes(self) -> int:
        """External bytes of all kinds."""
        return sum(self.traffic.values())


def measure(point: Point, graph: Graph) -> Outcome:
    """Compile a point's network for it."""
    core = point.core.config
    if point.why or core is None:
        return Outcome(why=point.why)
    begin = time.perf_counter()
    try:
        program = compiler.compile(
            graph,
            core.replace(name=point.core.text),
            memory="local" if point.memory == LOCAL else "external",
            strategy=None if point.strategy == BEST else point.strategy,
            timing=point.timing,
        )
    except (CompileError, ModelError) as error:
        return Outcome(why=str(error), seconds=time.perf_counter() - begin)
    return Outcome(
        strategy=program.strategy,
        cycles=program.predicted,
        bound=_bound(graph, program, point.timing),
        macs=program.macs,
        traffic=program.traffic or _moved(program),
        local=program.local,
        host=dict(Counter(layer.op for layer in program.layers if layer.place == "host")),
        seconds=round(time.perf_counter() - begin, 3),
    )


def _bound(graph: Graph, program: Program, timing: ExternalTiming | None) -> int:
    return bounds(graph, program, timing).cycles if timing else ceil(program.macs / program.config.macs_per_cycle)


def _moved(program: Program) -> dict[str, int]:
    """What a program that fits the chip moves in an inference: inputs and outputs, if they are outside."""
    result: Counter[str] = Counter()
    for step in program.steps:
        for command in program.segment(step.start) if isinstance(step, ArrayStep) else ():
            kind = {Opcode.LOAD: "inputs", Opcode.STORE: "outputs"}.get(command["opcode"])
            if kind:
                result[kind] += command["rows"] * command["row_bytes"]
    return dict(result)
