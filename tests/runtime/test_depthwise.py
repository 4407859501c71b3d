# SPDX-License-Identifier: Apache-2.0
"""Depthwise layers, averages and maxima on the array's second dataflow, bit for bit, with every plan."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia import golden
from celosia.arch.config import PRESETS, Config
from celosia.arch.isa import COMMAND_BYTES, Opcode, Routing
from celosia.compiler import compile
from celosia.compiler.down import Walk
from celosia.compiler.passes import layout
from celosia.compiler.plan import PLANS
from celosia.compiler.walks import plans_for
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.runtime import Device, Program
from celosia.sim.functional import FunctionalTransport
from compiler.networks import EXTERNAL, random_input

DOWN = [config for config in EXTERNAL if config.down_channels]
WAYS = settings(max_examples=60, deadline=None, derandomize=True)
configs, seeds = st.sampled_from(DOWN), st.integers(0, 1 << 32)


def run(graph: Graph, config: Config, rng: np.random.Generator, memory: str = "local") -> Program:
    """The program, whose outputs on the functional simulator are the golden model's."""
    program = compile(graph, config, memory=memory)
    inputs = random_input(rng, graph)
    with Device(FunctionalTransport(config, 1 << 20)) as device:
        result = device.run(program, inputs)
    for found, expected in zip(result.outputs, golden.run(graph, inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert result.cycles == result.predicted
    return program


def opcodes(program: Program) -> Counter[Opcode]:
    """How many commands of each kind a program has."""
    codes = program.commands[::COMMAND_BYTES]
    return Counter(Opcode(code) for code in codes)


def force(monkeypatch: pytest.MonkeyPatch, plan) -> None:
    """Only ``plan`` may be used, wherever it can, and no other form of a convolution."""

    def only(config, window):
        walk = Walk(config, window, plan)
        return [walk] if walk.possible else []

    monkeypatch.setattr(layout, "plans_for", only)
    monkeypatch.setattr(layout, "_as_product", lambda module, node, window: 1 << 62)


def depthwise(b: Builder, rng: np.random.Generator, x: int) -> int:
    """A random depthwise convolution."""
    kernel = [int(rng.choice([1, 2, 3, 3, 3, 5, 7, 15])) for _ in range(2)]
    stride = [int(rng.choice([1, 1, 2, 3])) for _ in range(2)]
    _, h, w, _ = b.shape(x)
    fits = h >= kernel[0] and w >= kernel[1]
    padding = str(rng.choice(["SAME", "VALID"])) if fits else "SAME"
    activation = str(rng.choice(["NONE", "RELU"]))
    return b.depthwise(
        x, 1, (kernel[0], kernel[1]), stride_h=stride[0], stride_w=stride[1], padding=padding, activation=activation
    )


def chain(seed: int) -> tuple[Graph, np.random.Generator]:
    """Depthwise layers, convolutions that read and write their values, a sum, and an average at the end."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    channels = int(rng.integers(2, 40))
    shape = (int(rng.integers(1, 3)), *(int(v) for v in rng.integers(1, 15, 2)), channels)
    x = b.input(*shape)
    if rng.integers(2):
        x = b.conv(x, int(rng.integers(2, 40)), (int(rng.integers(1, 4)), int(rng.integers(1, 4))), padding="SAME")
    y = depthwise(b, rng, x)
    kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    z = b.conv(y, b.shape(y)[3], kernel, padding="SAME", dilation_w=int(rng.integers(1, 3)))
    total = b.add(y, z) if rng.integers(2) else z
    last = depthwise(b, rng, total)
    ending = int(rng.integers(4))
    n, h, w, c = b.shape(last)
    if ending == 0:
        last = b.mean(last, 1, 2, keep=bool(rng.integers(2)))
    elif ending == 1:
        last = b.average(last, (h, w), (1, 1))
    elif ending == 2:
        last = b.conv(last, 5, (h, w))
    elif n == 1:
        last = b.dense(b.reshape(last, 1, h * w * c), 11)
    return b.output(last, y), rng


@pytest.mark.parametrize("memory", ["local", "external"])
@WAYS
@given(configs, seeds)
def test_chains(memory, config, seed):
    graph, rng = chain(seed)
    run(graph, config.replace(program_commands=4096, parameter_records=4096), rng, memory)


def test_pixels_unrolled_over_swapped_gaps():
    """A convolution that makes two pixels at once, of rows that its reader sees as columns."""
    graph, rng = chain(252)
    run(graph, PRESETS["c64"], rng)


@pytest.mark.parametrize("config", DOWN, ids=lambda config: config.name)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_every_plan(plan, config, monkeypatch):
    """Every plan on every core: with chains, and with a layer each that it was made for."""
    force(monkeypatch, plan)
    used = 0
    roomy = config.replace(program_commands=4096, parameter_records=4096)
    for seed in range(4):
        graph, rng = chain(seed)
        used += opcodes(run(graph, roomy, rng))[Opcode.DEPTHWISE]
    rng = np.random.default_rng(1)
    for stride in (1, 2):
        b = Builder(rng)
        x = b.input(1, 11, 13, 10)
        kernel = (3, 5) if plan.along else (5, 3)
        y = b.depthwise(x, 1, kernel, stride_h=stride, stride_w=stride, padding="SAME")
        used += opcodes(run(b.output(y), config, rng))[Opcode.DEPTHWISE]
    assert used > 2


@WAYS
@given(configs, seeds, st.booleans())
def test_averages(config, seed, mean):
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    h, w, c = (int(v) for v in rng.integers(1, (20, 20, 30)))
    x = b.input(int(rng.integers(1, 3)), h, w, c)
    if mean:
        axes = [(1,), (2,), (1, 2)][int(rng.integers(3))]
        y = b.mean(x, *axes, keep=bool(rng.integers(2)))
    else:
        kernel = (int(rng.integers(1, h + 1)), int(rng.integers(1, w + 1)))
        y = b.average(x, kernel, (int(rng.integers(1, 4)), int(rng.integers(1, 4))), activation="RELU")
    program = run(b.output(y), config.replace(program_commands=1024, activation_bytes=1 << 17), rng)
    assert program.layers[0].place == "array"


def maxima(seed: int) -> tuple[Graph, np.random.Generator]:
    """A random max pooling, with or without convolutions around it."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    x = b.input(int(rng.integers(1, 3)), *(int(v) for v in rng.integers(1, (18, 18, 40))))
    if rng.integers(2):
        x = b.conv(x, int(rng.integers(1, 40)), (3, 3), padding="SAME")
    _, h, w, _ = b.shape(x)
    kernel, stride = (tuple(int(v) for v in rng.integers(1, most, 2)) for most in (6, 4))
    padding = str(rng.choice(["SAME", "VALID"])) if kernel[0] <= h and kernel[1] <= w else "SAME"
    y = b.maximum(x, kernel, stride, padding=padding, activation=str(rng.choice(["NONE", "RELU", "RELU6"])))
    return b.output(b.conv(y, 5, (2, 2), padding="SAME") if rng.integers(2) else y, y), rng


@pytest.mark.parametrize("memory", ["local", "external"])
@WAYS
@given(configs, seeds)
def test_maxima(memory, config, seed):
    graph, rng = maxima(seed)
    roomy = config.replace(program_commands=4096, parameter_records=4096, activation_bytes=1 << 17)
    program = run(graph, roomy, rng, memory)
    assert {layer.place for layer in program.layers} == {"array"}


@pytest.mark.parametrize("config", DOWN, ids=lambda config: config.name)
@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_every_plan_of_a_maximum(plan, config, monkeypatch):
    """One sample for one output, or two neighbours for two; nothing else can leave the other streams out."""

    def only(config, window):
        return [walk for walk in plans_for(config, window) if walk.plan == plan]

    monkeypatch.setattr(layout, "plans_for", only)
    rng = np.random.default_rng(1)
    for stride in ((1, 1), (2, 2), (1, 3)):
        b = Builder(rng)
        x = b.input(1, 9, 11, 10)
        (layer,) = run(b.output(b.maximum(x, (3, 2), stride, padding="SAME")), config, rng).layers
        if plan.routing is Routing.SINGLE:
            possible = not plan.both
        else:
            possible = plan.routing is Routing.PAIRS and plan.both and stride[plan.along] == 1
        assert layer.place == ("array" if possible else "host")


def test_window_of_padding_alone():
    """Rows that lie wholly outside the image are −128 in the golden model too."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    x = b.input(1, 1, 2, 9)
    run(b.output(b.maximum(x, (3, 5), (2, 2), padding="SAME")), DOWN[0], rng)


def test_average_with_padding_stays_on_the_host():
    rng = np.random.default_rng(1)
    b = Builder(rng)
    y = b.average(b.input(1, 5, 5, 8), (3, 3), (1, 1), padding="SAME")
    assert run(b.output(y), DOWN[0], rng).layers[0].place == "host"


def test_temporal_filter_takes_two_samples_a_step():
    """30x1 pixels, 40 channels: two pixels a step, 15 outputs of a column, one command."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    program = run(b.output(b.depthwise(b.input(1, 30, 1, 40), 1, (5, 1), padding="SAME")), DOWN[0], rng)
    (command,) = [c for c in program.segment(0) if c["opcode"] is Opcode.DEPTHWISE]
    assert (command["along"], command["both"], command["output_w"], command["output_h"]) == (1, 1, 15, 1)


def test_wide_rows_are_cut_into_strips():
    rng = np.random.default_rng(1)
    config = DOWN[0].replace(line_steps=16, accumulators=16)
    for kernel in ((3, 3), (7, 7)):
        b = Builder(rng)
        x = b.input(1, 9, 50, 12)
        assert opcodes(run(b.output(b.depthwise(x, 1, kernel, padding="SAME")), config, rng))[Opcode.DEPTHWISE] > 3


def test_gaps_that_do_not_fit_are_given_up():
    """Both values fill the memory without gaps, so that the layer must do without DEPTHWISE."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    graph = b.output(b.depthwise(b.input(1, 16, 16, 16), 1, (3, 3), padding="SAME"))
    assert opcodes(run(graph, DOWN[0], rng))[Opcode.DEPTHWISE] == 1
    little = DOWN[0].replace(activation_bytes=2 * 16 * 16 * 16)
    program = run(graph, little, rng)
    assert program.layers[0].place == "array"
    assert opcodes(program)[Opcode.DEPTHWISE] == 0


@pytest.mark.parametrize("memory", ["local", "external"])
@WAYS
@given(st.sampled_from(EXTERNAL), seeds)
def test_interleaved_inputs(memory, config, seed):
    """Few channels, tall kernels, any stride and padding: the host puts rows side by side where that is faster."""
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    channels, kernel = int(rng.integers(1, 4)), (int(rng.integers(2, 12)), int(rng.integers(1, 6)))
    size = [k + int(rng.integers(0, 12)) for k in kernel]
    x = b.input(int(rng.integers(1, 3)), *size, channels)
    if rng.integers(2):
        x = b.pad(x, *(int(v) for v in rng.integers(0, 4, 4)))
    strides = {"stride_h": int(rng.integers(1, 5)), "stride_w": int(rng.integers(1, 3))}
    y = b.conv(x, int(rng.integers(1, 40)), kernel, padding=str(rng.choice(["SAME", "VALID"])), **strides)
    run(b.output(y), config, rng, memory)


def test_input_of_one_channel_is_interleaved():
    """10x4 over one channel with stride 2: three runs of four rows and columns instead of ten of four bytes."""
    rng = np.random.default_rng(1)
    b = Builder(rng)
    x = b.input(1, 49, 10, 1)
    graph = b.output(b.conv(x, 64, (10, 4), stride_h=2, stride_w=2, padding="SAME"))
    program = run(graph, DOWN[0], rng)
    (move,) = program.steps[0].uploads  # type: ignore[union-attr]
    assert move.lines == (29, 4, 2, 4, graph.tensors[x].zero_point)
    (command,) = [c for c in program.segment(0) if c["opcode"] is Opcode.CONV]
    assert (command["kernel_h"], command["chunks"], command["n_tiles"]) == (3, 1, 4)


def test_input_that_others_read_stays_as_it_is():
    rng = np.random.default_rng(1)
    b = Builder(rng)
    x = b.input(1, 49, 10, 1)
    first = b.conv(x, 64, (10, 4), stride_h=2, stride_w=2, padding="SAME")
    graph = b.output(first, b.conv(x, 3, (1, 1)))
    (move,) = run(graph, DOWN[0], rng).steps[0].uploads  # type: ignore[union-attr]
    assert move.shape == ()
