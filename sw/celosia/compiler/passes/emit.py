# SPDX-License-Identifier: Apache-2.0
"""Pass 10, emit: commands as bytes, memory images, and the program around them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from celosia.arch.isa import COMMAND_BYTES, decode, encode
from celosia.arch.timing import ExternalTiming, predict
from celosia.model.attributes import NoAttributes
from celosia.model.graph import Graph
from celosia.runtime.attribution import layer_cycles
from celosia.runtime.program import ArrayStep, HostStep, LayerInfo, Move, Program

from ..errors import CompileError
from ..images import parameter_image, weight_image
from ..ir import Module, Segment
from .place import free_place

__all__ = ["emit", "host_graph", "layer_infos", "moves", "segment_bytes"]


def emit(module: Module, strategy: str, timing: ExternalTiming | None = None) -> Program:
    """The finished program; ``strategy`` is what its tiling is called, ``timing`` what the external memory is like.

    Raises
    ------
    CompileError
        There are more commands than the program memory holds.
    """
    starts: dict[int | None, int] = {}
    commands = b""
    for segment in module.segments:
        starts[segment.step] = len(commands) // COMMAND_BYTES
        commands += segment_bytes(segment)
    needed = len(commands) // COMMAND_BYTES
    if needed > module.config.program_commands:
        raise CompileError(
            f"{module.graph.name} does not fit {module.config.name}: it needs {needed} commands of "
            f"program memory, and there are {module.config.program_commands}; "
            f"choose a larger configuration or a smaller network"
        )
    predicted, total = _predict(module, timing)
    return Program(
        config=module.config,
        memory=module.memory,
        graph=host_graph(module),
        roots=module.roots,
        weights=weight_image(module),
        parameters=parameter_image(module),
        commands=commands,
        steps=tuple(_step(module, index, starts) for index in range(len(module.steps))),
        layers=layer_infos(module, predicted),
        predicted=total,
        strategy=strategy,
        setup=starts.get(None),
        external={key: offset for key, offset in module.external.items() if isinstance(key, str)},
    )


def segment_bytes(segment: Segment) -> bytes:
    """The commands of a segment. Raises IllegalCommandError when a field does not fit: a rule is missing."""
    return b"".join(encode(c.opcode, waits=c.waits, layer=c.layer, **c.fields) for c in segment.commands)


def _predict(module: Module, timing: ExternalTiming | None) -> tuple[dict[int, int], int]:
    """Cycles of every layer, and of one inference."""
    cycles: dict[int, int] = {}
    total = 0
    for segment in module.segments:
        if segment.step is None:
            continue
        data = segment_bytes(segment)
        parts = [decode(data[i : i + COMMAND_BYTES]) for i in range(0, len(data), COMMAND_BYTES)]
        schedule = predict(module.config, parts, timing)
        finishes = [
            (command.layer, finish)
            for command, (engine, _, finish) in zip(segment.commands, schedule.intervals, strict=True)
            if engine is not None
        ]
        cycles.update(layer_cycles(finishes))
        total += schedule.cycles
    return cycles, total


def _step(module: Module, index: int, starts: dict[int | None, int]) -> ArrayStep | HostStep:
    step = module.steps[index]
    if not step.array:
        return HostStep(step.layers)
    place = module.external if module.memory == "external" else module.addresses
    return ArrayStep(starts[index], moves(module, place, step.uploads), moves(module, place, step.downloads))


def moves(module: Module, place: Mapping[Any, int], values: tuple[int, ...]) -> tuple[Move, ...]:
    """How the host moves values that are at ``place``."""
    return tuple(_move(module, value, place[value]) for value in values)


def _move(module: Module, value: int, address: int) -> Move:
    layout = module.layouts.get(value)
    if layout is None or layout.is_dense:
        return Move(value, address, module.size(value))
    if layout.lines is not None:
        return Move(value, address, layout.bytes, layout.shape, lines=tuple(layout.lines))
    images, rows, columns, _ = layout.shape
    pitch = layout.pitch
    counted = ((images, pitch.image), (rows, pitch.row), (columns, pitch.pixel))
    return Move(value, address, layout.bytes, layout.shape, tuple(step for _, step in counted))


def layer_infos(module: Module, predicted: dict[int, int]) -> tuple[LayerInfo, ...]:
    """Every operator, with its predicted cycles."""
    nodes = {node.layer: node for node in module.nodes}
    return tuple(
        LayerInfo(op.name, op.kind, free_place(module, i, nodes), module.graph.macs(op), predicted.get(i, 0))
        for i, op in enumerate(module.graph.ops)
    )


def host_graph(module: Module) -> Graph:
    """The graph with only the constants and attributes that the host needs."""
    graph = module.graph
    hosted = {node.layer for node in module.nodes if node.place == "host"}
    needed = {i for layer in hosted for i in graph.ops[layer].inputs} | set(graph.outputs)
    needed |= {module.roots[i] for i in needed if i >= 0}
    return Graph(
        name=graph.name,
        description=graph.description,
        inputs=graph.inputs,
        outputs=graph.outputs,
        tensors=[t if t.data is None or i in needed else replace(t, data=None) for i, t in enumerate(graph.tensors)],
        ops=[op if i in hosted else replace(op, attributes=NoAttributes()) for i, op in enumerate(graph.ops)],
    )
