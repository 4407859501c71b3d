# SPDX-License-Identifier: Apache-2.0
"""Soak: many inferences of mixed networks, back to back on one device, exact and without growing."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from celosia import golden
from celosia.compiler import compile
from celosia.demo import MODEL
from celosia.model import Graph, load
from celosia.runtime import Device, Program

from .builder import Builder

__all__ = ["Soaked", "mixture", "resident_bytes", "soak"]

INPUTS = 4
"""Different inputs of each network."""


@dataclass(frozen=True)
class Soaked:
    """What a soak did.

    Parameters
    ----------
    wrong:
        Inferences whose outputs were not the golden model's.
    cycles:
        Of all inferences.
    growth:
        Bytes by which the process grew after the first tenth; None where the system does not tell.
    """

    inferences: int
    wrong: int
    cycles: int
    growth: int | None


@dataclass(frozen=True)
class _Load:
    program: Program
    inputs: list[np.ndarray]
    expected: list[np.ndarray]


def mixture() -> list[Graph]:
    """The demo's network, and small ones of what it lacks: every command, both dataflows, steps on the host."""
    b = Builder(np.random.default_rng(1))
    x = b.conv(b.input(1, 9, 8, 3), 8, (3, 3), padding="SAME", activation="RELU")
    x = b.add(b.depthwise(x, padding="SAME"), x)
    image = b.output(b.mean(b.maximum(x, (2, 2), (2, 2), padding="VALID"), 1, 2))
    b = Builder(np.random.default_rng(2))
    x = b.depthwise(b.input(1, 1, 20, 6), kernel=(1, 5), padding="SAME", activation="RELU")
    x = b.average(x, (1, 4), (1, 4), padding="VALID")
    sound = b.output(b.softmax(b.dense(b.reshape(x, 1, 30), 5)))
    return [load(MODEL), image, sound]


def resident_bytes() -> int | None:
    """The memory this process has in use (Linux), or None."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return None


def soak(
    device: Device,
    networks: Sequence[Graph],
    count: int,
    *,
    memories: Sequence[str] = ("local",),
    seed: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Soaked:
    """Run ``count`` inferences in random order on one device.

    Parameters
    ----------
    networks:
        Each is compiled for every one of ``memories`` ("local", "external").
    progress:
        Called with the inferences done.

    Raises
    ------
    CompileError
        A network does not fit the device.
    DeviceError
        The device stopped with an error.
    """
    choose, values = random.Random(seed), np.random.default_rng(seed)
    loads = [load for graph in networks for memory in memories for load in _loads(device, graph, memory, values)]
    wrong = cycles = 0
    before = resident_bytes()
    for done in range(count):
        if done == count // 10:
            before = resident_bytes()
        load = choose.choice(loads)
        result = device.run(load.program, load.inputs)
        cycles += result.cycles
        wrong += not all(np.array_equal(*pair) for pair in zip(result.outputs, load.expected, strict=True))
        progress(done + 1)
    after = resident_bytes()
    return Soaked(count, wrong, cycles, None if before is None or after is None else after - before)


def _loads(device: Device, graph: Graph, memory: str, values: np.random.Generator) -> list[_Load]:
    program = compile(graph, device.config, memory=memory)
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    inputs = [[values.integers(-128, 128, shape).astype(np.int8) for shape in shapes] for _ in range(INPUTS)]
    return [_Load(program, x, golden.run(graph, x)) for x in inputs]
