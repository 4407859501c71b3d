# SPDX-License-Identifier: Apache-2.0
"""Random layers, compiled, executed command by command, and compared with the golden model, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia import golden
from celosia.arch.config import Config
from celosia.compiler import compile
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.runtime import Device
from celosia.sim.functional import FunctionalTransport
from compiler.networks import CONFIGS, EXTERNAL, random_input, residual

WAYS = settings(max_examples=120, deadline=None, derandomize=True)
configs = st.sampled_from(CONFIGS)
seeds = st.integers(0, 1 << 32)


def assert_same(graph: Graph, config: Config, rng: np.random.Generator, memory: str = "local", places=()) -> None:
    """The network's outputs on the functional simulator equal the golden model's; layers run where expected."""
    inputs = random_input(rng, graph)
    program = compile(graph, config, memory=memory)
    with Device(FunctionalTransport(config, 1 << 20)) as device:
        result = device.run(program, inputs)
    for found, expected in zip(result.outputs, golden.run(graph, inputs), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert result.cycles == result.predicted
    assert [layer.cycles for layer in result.layers] == [layer.predicted for layer in result.layers]
    if places:
        assert [layer.place for layer in result.layers] == list(places)


@WAYS
@given(
    configs,
    seeds,
    st.sampled_from([(1, 1), (3, 3), (1, 3), (5, 2), (4, 4)]),
    st.tuples(*[st.integers(1, 3)] * 4),
    st.sampled_from(["SAME", "VALID"]),
    st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.tuples(st.integers(1, 2), st.integers(1, 14), st.integers(1, 14)),
)
def test_conv(config, seed, kernel, steps, padding, activation, channels, outputs, size):
    rng = np.random.default_rng(seed)
    builder = Builder(rng)
    stride_h, stride_w, dilation_h, dilation_w = steps
    if padding == "VALID":
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, (dilation_h, dilation_w), strict=True)]
        size = (size[0], *(max(n, r) for n, r in zip(size[1:], reach, strict=True)))
    x = builder.input(*size, channels)
    y = builder.conv(
        x,
        outputs,
        kernel,
        stride_h=stride_h,
        stride_w=stride_w,
        dilation_h=dilation_h,
        dilation_w=dilation_w,
        padding=padding,
        activation=activation,
    )
    assert_same(builder.output(y), config, rng, places=["array"])


@WAYS
@given(configs, seeds, st.integers(1, 3), st.integers(1, 200), st.integers(1, 70))
def test_fully_connected(config, seed, batch, width, outputs):
    rng = np.random.default_rng(seed)
    builder = Builder(rng)
    y = builder.dense(builder.input(batch, width), outputs)
    assert_same(builder.output(y), config, rng, places=["array"])


@WAYS
@given(
    configs,
    seeds,
    st.integers(1, 40),
    st.integers(1, 3),
    st.sampled_from([(3, 3), (1, 1), (5, 1), (2, 4)]),
    st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_depthwise(config, seed, channels, multiplier, kernel, steps):
    rng = np.random.default_rng(seed)
    builder = Builder(rng)
    x = builder.input(1, 7, 6, channels)
    stride, dilation = steps
    y = builder.depthwise(x, multiplier, kernel, stride_h=stride, stride_w=stride, dilation_w=dilation, padding="SAME")
    assert_same(builder.output(y), config, rng)


@WAYS
@given(configs, seeds, st.tuples(*[st.integers(1, 9)] * 3), st.booleans())
def test_add(config, seed, shape, same):
    rng = np.random.default_rng(seed)
    builder = Builder(rng)
    a = builder.input(1, *shape)
    b = a if same else builder.input(1, *shape)
    assert_same(
        builder.output(builder.add(a, b, activation="RELU")),
        config,
        rng,
        places=["lanes" if config.elementwise else "host"],
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_network(config):
    rng = np.random.default_rng(3)
    assert_same(residual(rng), config, rng)


@pytest.mark.parametrize("config", EXTERNAL, ids=lambda config: config.name)
def test_network_in_external_memory(config):
    rng = np.random.default_rng(3)
    assert_same(residual(rng), config, rng, "external")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_row_wider_than_the_accumulators(config):
    rng = np.random.default_rng(4)
    builder = Builder(rng)
    x = builder.input(1, 2, config.accumulators * 2 + 3, 1)
    assert_same(builder.output(builder.conv(x, 3, (1, 3), padding="SAME")), config, rng, places=["array"])


@pytest.mark.parametrize("padding", [(1, 1, 1, 1), (0, 2, 3, 0), (2, 0, 0, 1)])
def test_folded_pad(padding):
    rng = np.random.default_rng(5)
    builder = Builder(rng)
    x = builder.input(1, 6, 5, 4)
    y = builder.conv(builder.pad(x, *padding), 6, (3, 3), stride_w=2)
    assert_same(builder.output(y), CONFIGS[4], rng, places=["array", "array"])


def test_kernel_as_wide_as_the_image():
    rng = np.random.default_rng(6)
    builder = Builder(rng)
    x = builder.input(1, 9, 5, 3)
    y = builder.conv(x, 7, (4, 5), stride_h=2)
    assert_same(builder.output(y), CONFIGS[6], rng, places=["array"])


def test_image_one_pixel_wide():
    rng = np.random.default_rng(7)
    builder = Builder(rng)
    y = builder.conv(builder.input(1, 30, 1, 10), 8, (5, 1), padding="SAME", dilation_h=2)
    assert_same(builder.output(y), CONFIGS[6], rng, places=["array"])


def test_biases_that_wrap():
    rng = np.random.default_rng(8)
    builder = Builder(rng)
    y = builder.conv(builder.input(1, 4, 4, 8), 8)
    bias = builder.graph.ops[0].inputs[2]
    data = np.array([2**31 - 1, -(2**31), 2**30, -(2**30), 1, 0, 2**31 - 5000, -(2**31) + 5000], np.int32)
    builder.graph.replace_tensor(bias, data=data)
    assert_same(builder.output(y), CONFIGS[0], rng)


def test_values_that_live_on_across_the_host():
    """A residual branch stays in the activation memory while the host computes the other."""
    rng = np.random.default_rng(9)
    builder = Builder(rng)
    x = builder.input(1, 6, 6, 8)
    kept = builder.conv(x, 8)
    other = builder.softmax(builder.conv(kept, 8, (3, 3), padding="SAME"))
    y = builder.add(kept, other)
    assert_same(builder.output(y, kept, x), CONFIGS[4], rng, places=["array", "array", "host", "lanes"])


@pytest.mark.parametrize("config", EXTERNAL, ids=lambda config: config.name)
def test_streamed_weights(config):
    """A weight memory of 24 tiles, and layers that need more together, or alone."""
    rng = np.random.default_rng(11)
    little = config.replace(
        name=f"little {config.name}",
        weight_bytes=24 * config.tile_words * config.weight_word_bytes,
        parameter_records=2048,
        program_commands=512,
    )
    builder = Builder(rng)
    x = builder.conv(builder.input(1, 5, 6, 7), 24, (3, 3), padding="SAME")
    y = builder.conv(x, 24, (1, 3), padding="SAME")
    y = builder.depthwise(builder.add(x, y), padding="SAME")
    y = builder.dense(builder.reshape(y, 1, 5 * 6 * 24), 33)
    graph = builder.output(builder.softmax(builder.dense(y, 70)))
    if -(-720 // config.rows) > 24:  # a column tile of the first dense layer is too large alone
        places = [layer.place for layer in compile(graph, little, memory="external").layers]
        assert places == ["array", "array", "lanes", "array", "array", "host", "array", "host"]
    else:
        assert len(compile(graph, little, memory="external").weights) > little.weight_bytes
    assert_same(graph, little, rng, "external")


def test_more_commands_than_an_engine_can_count():
    """Waits are modulo 256 and compared as signed: an old command must not look like one to come."""
    rng = np.random.default_rng(10)
    builder = Builder(rng)
    first = builder.conv(builder.input(1, 40, 10, 1), 2)
    y = builder.conv(builder.conv(first, 2, (3, 3), padding="SAME"), 2, (3, 3), padding="SAME")
    config = CONFIGS[9].replace(program_commands=1024, name="many")
    y = builder.add(builder.add(first, y), first)
    graph = builder.output(y)
    assert len(compile(graph, config).commands) // 64 > 200
    assert_same(graph, config, rng)
