# SPDX-License-Identifier: Apache-2.0
"""Tilings of one network against each other and against what no tiling can beat."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

from celosia.arch.isa import Engine, Opcode
from celosia.arch.timing import ExternalTiming, predict
from celosia.model.graph import Graph
from celosia.runtime.program import ArrayStep, Program

__all__ = ["Bounds", "Span", "TilingFigures", "bounds", "figures", "timeline"]


@dataclass(frozen=True)
class Bounds:
    """What no tiling that runs layer by layer can beat, and what none at all can.

    Parameters
    ----------
    weights:
        Bytes of the weights and biases of what runs on the core, as the network has them: read once.
    ends:
        Bytes of what the core is given and of what it gives back, moved once.
    intermediate:
        Bytes of all other values that are larger than the activation memory, written once and read once. Stages of
        several layers go below that.
    compute:
        Cycles in which every multiplier works: MACs / (R·C).
    bus:
        Cycles in which the bus moves all those bytes.
    """

    weights: int
    ends: int
    intermediate: int
    compute: int
    bus: int

    @property
    def traffic(self) -> int:
        """Compulsory bytes."""
        return self.weights + self.ends + self.intermediate

    @property
    def cycles(self) -> int:
        """The longer of computing and moving."""
        return max(self.compute, self.bus)


def bounds(graph: Graph, program: Program, timing: ExternalTiming) -> Bounds:
    """The bounds of a network on a program's core.

    Parameters
    ----------
    program:
        Any program of the network: which operators run on the core is what counts.
    """
    config = program.config
    on_core = [op for op, layer in zip(graph.ops, program.layers, strict=True) if layer.place in ("array", "lanes")]
    constants = {i for op in on_core for i in op.inputs if i >= 0 and graph.tensors[i].data is not None}
    weights = sum(data.nbytes for i in constants if (data := graph.tensors[i].data) is not None)
    moves = [m for s in program.steps if isinstance(s, ArrayStep) for m in (*s.uploads, *s.downloads)]
    ends = {move.value: graph.tensors[move.value].size for move in moves}
    made = {program.roots[i] for op in on_core for i in op.outputs} - set(ends)
    intermediate = sum(2 * graph.tensors[i].size for i in made if graph.tensors[i].size > config.activation_bytes)
    moved = weights + sum(ends.values()) + intermediate
    return Bounds(
        weights=weights,
        ends=sum(ends.values()),
        intermediate=intermediate,
        compute=ceil(program.macs / config.macs_per_cycle),
        bus=ceil(moved / config.bus_bytes * (1 + timing.gap)),
    )


@dataclass(frozen=True)
class Span:
    """One command on the timeline: from when its engine took it to when it finished, in cycles of the inference."""

    engine: Engine
    opcode: Opcode
    layer: int
    start: int
    finish: int


def timeline(program: Program, timing: ExternalTiming) -> list[Span]:
    """Every command of an inference as predicted, one start of the machine after the other."""
    result: list[Span] = []
    origin = 0
    for step in program.steps:
        if not isinstance(step, ArrayStep):
            continue
        commands = program.segment(step.start)
        schedule = predict(program.config, commands, timing)
        for command, (engine, start, finish) in zip(commands, schedule.intervals, strict=True):
            if engine is not None:
                result.append(Span(engine, command["opcode"], command["layer"], origin + start, origin + finish))
        origin += schedule.cycles
    return result


@dataclass(frozen=True, kw_only=True)
class TilingFigures:
    """One strategy.

    Parameters
    ----------
    predicted, cycles:
        Of one inference: the timing model's, and the device's counter (None if it was not run).
    exact:
        Whether every output bit is the golden model's (None if it was not run).
    traffic, local:
        As :class:`celosia.runtime.program.Program` has them.
    overlap:
        The share of the shorter of computing and moving that the longer hides.
    compile_seconds:
        What choosing the tiling and compiling took.
    layer_cycles, layer_bytes:
        By operator: cycles by which the array's results of it are later than those before, and external bytes.
    """

    strategy: str
    predicted: int
    cycles: int | None
    exact: bool | None
    traffic: dict[str, int]
    local: dict[str, int]
    overlap: float
    commands: int
    starts: int
    compile_seconds: float
    layer_cycles: dict[int, int]
    layer_bytes: dict[int, int]

    @property
    def bytes(self) -> int:
        """External bytes of all kinds."""
        return sum(self.traffic.values())


def figures(
    program: Program, spans: Sequence[Span], seconds: float, cycles: int | None = None, exact: bool | None = None
) -> TilingFigures:
    """A program's figures, from its timeline."""
    moved: Counter[int] = Counter()
    starts = [step.start for step in program.steps if isinstance(step, ArrayStep)]
    commands = [command for start in starts for command in program.segment(start)]
    for command in commands:
        if command["opcode"] in (Opcode.LOAD, Opcode.STORE):
            moved[command["layer"]] += command["rows"] * command["row_bytes"]
    return TilingFigures(
        strategy=program.strategy,
        predicted=program.predicted,
        cycles=cycles,
        exact=exact,
        traffic=program.traffic,
        local=program.local,
        overlap=_overlap(spans),
        commands=len(commands),
        starts=len(starts),
        compile_seconds=seconds,
        layer_cycles=_shares(spans),
        layer_bytes=dict(moved),
    )


def _shares(spans: Iterable[Span]) -> dict[int, int]:
    """By layer, how much later each of its computations finished than the one before it on the array."""
    result: Counter[int] = Counter()
    before = 0
    for span in spans:
        if span.engine is Engine.CONV:
            result[span.layer] += max(0, span.finish - max(before, span.start))
            before = max(before, span.finish)
    return dict(result)


def _overlap(spans: Sequence[Span]) -> float:
    computing = _covered(s for s in spans if s.engine in (Engine.CONV, Engine.ELEMENTWISE))
    moving = _covered(s for s in spans if s.engine in (Engine.LOAD, Engine.STORE))
    shorter = min(computing, moving)
    return (computing + moving - _covered(spans)) / shorter if shorter else 1.0


def _covered(spans: Iterable[Span]) -> int:
    """Cycles in which at least one of the spans runs."""
    total = end = 0
    for span in sorted(spans, key=lambda span: span.start):
        total += max(0, span.finish - max(end, span.start))
        end = max(end, span.finish)
    return total
