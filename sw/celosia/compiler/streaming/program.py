# SPDX-License-Identifier: Apache-2.0
"""A network and a legal tiling as a program."""

from collections import Counter
from collections.abc import Sequence

from celosia.arch.isa import COMMAND_BYTES, Engine, Opcode, Space, decode
from celosia.arch.registers import PARAMETER_BYTES
from celosia.arch.timing import Schedule, predict
from celosia.runtime.attribution import layer_cycles
from celosia.runtime.program import ArrayStep, HostStep, Program

from ..errors import CompileError
from ..images import parameter_image, weight_image
from ..ir import Command, Module, Segment
from ..passes.allocate import side_by_side
from ..passes.emit import host_graph, layer_infos, moves, segment_bytes
from .network import Network
from .order import chapters, closed, dispatched, with_needs
from .strips import kept
from .tiling import Tiling
from .work import Work

__all__ = ["Streamed"]


class Streamed:
    """A tiling of a network, scheduled: its segments, what they are predicted to take, and what they move.

    Parameters
    ----------
    tiling:
        A legal one (:mod:`celosia.compiler.streaming.legal`).
    """

    def __init__(self, network: Network, tiling: Tiling):
        self.network, self.tiling = network, tiling
        self.config = network.config
        self.images = (weight_image(network.module), parameter_image(network.module))
        self.external = _external(network, tiling, self.images)
        work = Work(network, tiling, self.external)
        self.spans = _spans(work)
        self.segments, self.places = self._segments()
        self.schedules = [self._predict(segment) for segment in self.segments]
        ends = [place + len(s.commands) for place, s in zip(self.places, self.segments, strict=True)]
        self.local = {
            "weights": work.weights.peak * self.config.weight_word_bytes,
            "activations": work.lines * self.config.line_bytes,
            "parameters": work.records.peak * PARAMETER_BYTES,
            "commands": COMMAND_BYTES * max(ends),
        }

    @property
    def predicted(self) -> int:
        """Cycles of one inference."""
        return sum(schedule.cycles for schedule in self.schedules)

    def _segments(self) -> tuple[list[Segment], list[int]]:
        """All segments in order, and where they are in the program memory."""
        config = self.config
        index = [i for i, step in enumerate(self.network.module.steps) if step.array]
        lengths = [len(commands) + 1 for commands in self.spans]
        if sum(lengths) <= config.program_commands:
            spans = zip(index, self.spans, self.network.spans, strict=True)
            whole = [Segment(step=i, commands=tuple(closed(c, span[-1], None))) for i, c, span in spans]
            return whole, [sum(lengths[:i]) for i in range(len(lengths))]
        slot = config.program_commands // 2
        counts = [-(-len(commands) // (slot - 2)) for commands in self.spans]
        counts[counts.index(max(counts))] += sum(counts) % 2
        parts = [
            (step, span[-1], chapter)
            for step, span, commands, count in zip(index, self.network.spans, self.spans, counts, strict=True)
            for chapter in chapters(commands, count)
        ]
        sizes = [len(chapter) + 2 for _, _, chapter in parts]
        start = self.external["commands"] = self.external.pop("end")
        self.external["end"] = start + -(-sum(sizes) * COMMAND_BYTES // config.line_bytes) * config.line_bytes
        segments: list[Segment] = []
        for number, (step, last, chapter) in enumerate(parts):
            after = (number + 1) % len(parts)
            source = start + sum(sizes[:after]) * COMMAND_BYTES
            loading = _load_program(source, (after % 2) * slot, sizes[after], last)
            segments.append(Segment(step=step, commands=tuple(closed(chapter, last, loading))))
        return segments, [number % 2 * slot for number in range(len(parts))]

    def _predict(self, segment: Segment) -> Schedule:
        data = segment_bytes(segment)
        parts = [decode(data[i : i + COMMAND_BYTES]) for i in range(0, len(data), COMMAND_BYTES)]
        return predict(self.config, parts, self.network.timing)

    def program(self, strategy: str) -> Program:
        """The program, its tiling called ``strategy``."""
        module = self.network.module
        return Program(
            config=self.config,
            memory="external",
            graph=host_graph(module),
            roots=module.roots,
            weights=self.images[0],
            parameters=self.images[1],
            commands=b"".join(segment_bytes(segment) for segment in self.segments),
            steps=tuple(self._steps(module)),
            layers=layer_infos(module, self._layer_cycles()),
            predicted=self.predicted,
            strategy=strategy,
            setup=None,
            external={key: offset for key, offset in self.external.items() if isinstance(key, str)},
            traffic=self.traffic(),
            local=self.local,
        )

    def _steps(self, module: Module) -> list[ArrayStep | HostStep]:
        result: list[ArrayStep | HostStep] = []
        for index, step in enumerate(module.steps):
            if not step.array:
                result.append(HostStep(step.layers))
                continue
            own = [number for number, segment in enumerate(self.segments) if segment.step == index]
            for number in own:
                start = sum(len(segment.commands) for segment in self.segments[:number])
                result.append(
                    ArrayStep(
                        start,
                        moves(module, self.external, step.uploads) if number == own[0] else (),
                        moves(module, self.external, step.downloads) if number == own[-1] else (),
                        None if self.places[number] == start else self.places[number],
                    )
                )
        return result

    def _layer_cycles(self) -> dict[int, int]:
        total: Counter[int] = Counter()
        for segment, schedule in zip(self.segments, self.schedules, strict=True):
            total.update(
                layer_cycles(
                    (command.layer, finish)
                    for command, (engine, _, finish) in zip(segment.commands, schedule.intervals, strict=True)
                    if engine is not None
                )
            )
        return dict(total)

    def traffic(self) -> dict[str, int]:
        """External bytes of one inference, by what they are (:attr:`celosia.runtime.program.Program.traffic`)."""
        kinds = ("weights", "parameters", "commands", "inputs", "outputs", "spilled", "reloaded")
        result: dict[str, int] = dict.fromkeys(kinds, 0)
        names = {Space.WEIGHTS: "weights", Space.PARAMETERS: "parameters", Space.PROGRAM: "commands"}
        steps = self.network.module.steps
        inputs = {value for step in steps for value in step.uploads}
        outputs = {value for step in steps for value in step.downloads}
        starts = sorted((offset, key) for key, offset in self.external.items() if not isinstance(key, str))
        for segment in self.segments:
            for command in segment.commands:
                if command.engine not in (Engine.LOAD, Engine.STORE):
                    continue
                fields = command.fields
                space = Space(fields["space"])
                if space in names:
                    name = names[space]
                else:
                    value = max((o, k) for o, k in starts if o <= fields["external_address"])[1]
                    if command.opcode is Opcode.LOAD:
                        name = "inputs" if value in inputs else "reloaded"
                    else:
                        name = "outputs" if value in outputs else "spilled"
                result[name] += fields["rows"] * fields["row_bytes"]
        return result


def _load_program(source: int, place: int, count: int, layer: int) -> Command:
    """LOAD of ``count`` commands."""
    fields = {
        "external_address": source,
        "local_address": place * COMMAND_BYTES,
        "row_bytes": count * COMMAND_BYTES,
        "rows": 1,
        "space": Space.PROGRAM.value,
    }
    return Command(opcode=Opcode.LOAD, layer=layer, fields=fields, waits=dict.fromkeys(Engine, 0))


def _spans(work: Work) -> list[list[Command]]:
    """The commands of each start of the machine, as if the program memory held all of them."""
    network, config = work.network, work.config
    sizes: dict[Space | None, int] = {
        Space.ACTIVATIONS: config.activation_bytes,
        Space.WEIGHTS: config.weight_bytes,
        Space.PARAMETERS: config.parameter_records * PARAMETER_BYTES,
        None: work.external["end"],
    }
    of_stage = {stage.layers[0]: index for index, stage in enumerate(work.tiling.stages)}
    result: list[list[Command]] = []
    for span in network.spans:
        commands = [c for number in span if number in of_stage for c in work.stage(of_stage[number])]
        needed = with_needs(commands, sizes, config.bus_bytes)
        result.append(dispatched(config, needed, network.timing))
    return result


def _external(network: Network, tiling: Tiling, images: Sequence[bytes]) -> dict[int | str, int]:
    """Offsets in external memory: the two images, then every value that is ever there, on lines of its own."""
    module, line = network.module, network.config.line_bytes
    sizes: dict[int | str, int] = {"weights": len(images[0]), "parameters": len(images[1])}
    for step in module.steps:
        for value in (*step.uploads, *step.downloads):
            sizes[value] = module.lines(value) * line
    for stage in tiling.stages:
        for value in kept(network, stage):
            if value not in tiling.resident or value in network.moved:
                sizes[value] = module.lines(value) * line
    offsets = side_by_side(sizes, line)
    end = offsets["end"]
    if end > 1 << network.config.address_bits:
        raise CompileError(
            f"{module.graph.name} does not fit {network.config.name}: it needs {end} bytes of external memory, and "
            f"there are {1 << network.config.address_bits} addresses; choose a smaller network"
        )
    return offsets
