# SPDX-License-Identifier: Apache-2.0
"""What campaigns found, each as the small network that showed it."""

import numpy as np

from celosia import golden, runtime
from celosia.arch.config import PRESETS, Config
from celosia.arch.timing import ExternalTiming
from celosia.compiler import compile
from celosia.compiler.streaming import Order, Stage, Tiling, network_of
from celosia.compiler.streaming.legal import check
from celosia.fuzz.builder import Builder
from celosia.model import Graph


def exact(graph: Graph, config: Config, memory: str, x: np.ndarray) -> None:
    """The functional simulator and the golden model make the same of one input."""
    with runtime.open("functional", config) as device:
        result = device.run(compile(graph, config, memory=memory), [x])
    for value, expected in zip(result.outputs, golden.run(graph, [x]), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_what_a_pooling_command_does_not_use_may_lie_outside_the_memory():
    """A window of one column reads a second stream that nothing depends on; in a memory whose size is no power of
    two, the functional simulator took exception to where that lies."""
    config = PRESETS["c64"].replace(activation_bytes=600 * 32)
    b = Builder(np.random.default_rng(0))
    graph = b.output(b.maximum(b.input(1, 1, 3, 1), (3, 1), (1, 2), padding="SAME"))
    exact(graph, config, "local", np.array([[[[5], [-7], [90]]]], np.int8))


def test_a_streamed_layer_that_goes_to_the_host_gets_its_padding_back():
    """The PAD that a convolution had absorbed was dropped before the convolution turned out to be too large for the
    core: the host then read a value that nobody had made."""
    config = PRESETS["c16"].replace(activation_bytes=512)
    rng = np.random.default_rng(0)
    b = Builder(rng)
    padded = b.pad(b.input(1, 1, 12, 22), 0, 0, 0, 0)
    pooled = b.maximum(b.depthwise(padded, kernel=(1, 1)), (1, 1), (1, 2), padding="SAME")
    graph = b.output(b.add(b.depthwise(pooled, kernel=(1, 1)), pooled))
    exact(graph, config, "external", rng.integers(-128, 128, (1, 1, 12, 22)).astype(np.int8))


def test_a_row_that_only_a_dropped_output_needs_may_lie_outside_the_memory():
    """Seven rows of outputs in pairs: the eighth is dropped, and what it is made from was never loaded. The functional
    simulator took exception to where that lies."""
    config = PRESETS["c256"].replace(
        rows=8, line_steps=16, accumulators=256, weight_bytes=12800, activation_bytes=4800, parameter_records=128
    )
    b = Builder(np.random.default_rng(0))
    graph = b.output(b.average(b.input(1, 10, 12, 33), (4, 1), (1, 1), padding="VALID"))
    exact(graph, config, "external", np.random.default_rng(1).integers(-128, 128, (1, 10, 12, 33)).astype(np.int8))


def test_parts_whose_channels_end_within_a_bus_word_are_not_stored_one_by_one():
    """Seven tiles of six columns in two parts, of 18 and 22 channels: 24 is the most that a part could
    have had, whole words of the bus, and only that was looked at. What lies outside of them cannot be stored."""
    config = PRESETS["c64"].replace(
        rows=8, columns=6, lanes=6, line_steps=16, accumulators=256, bus_bits=32, elementwise=False, weight_rows=1,
        weight_bytes=24000, activation_bytes=9600, parameter_records=128, program_commands=32,
    )  # fmt: skip
    rng = np.random.default_rng(0)
    b = Builder(rng)
    graph = b.output(b.conv(b.input(1, 12, 12, 20), 40, (3, 3), padding="SAME"))
    exact(graph, config, "external", rng.integers(-128, 128, (1, 12, 12, 20)).astype(np.int8))
    network = network_of(graph, config, ExternalTiming())
    tiling = Tiling(stages=(Stage(layers=network.spans[0], height=2, order=Order.STORED_BY_PART),))
    assert [problem for problem in check(network, tiling) if "whole bus words" in problem]
