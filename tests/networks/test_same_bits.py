# SPDX-License-Identifier: Apache-2.0
"""Whole networks through every simulator: one program, the same bits, and the cycles that were predicted."""

import numpy as np
import pytest

from celosia import golden, runtime
from celosia.arch.config import PRESETS, Config
from celosia.compiler import compile
from celosia.demo import MODEL, digits
from celosia.fuzz.builder import Builder
from celosia.model import Graph, load
from compiler.networks import random_input, residual
from support.shared import LARGE, SMALL, model, reference

SIZES = {"weight_bytes": 256 << 10, "activation_bytes": 32 << 10, "parameter_records": 1024}
ODD = [
    Config(name="4x8", rows=4, columns=8, lanes=8, **SIZES),
    Config(name="8x4", rows=8, columns=4, lanes=4, bus_bits=32, **SIZES),
    Config(name="12x10", rows=12, columns=10, lanes=10, **SIZES),
    Config(name="8x8, 2 lanes", rows=8, columns=8, lanes=2, weight_rows=1, **SIZES),
    Config(
        name="4x2, bare",
        rows=4,
        columns=2,
        lanes=1,
        weight_rows=1,
        bus_bits=32,
        depthwise=False,
        elementwise=False,
        external=False,
        **SIZES,
    ),
]


def small() -> tuple[Graph, list[np.ndarray]]:
    """A residual network that Amaranth's simulator can run, and an input."""
    rng = np.random.default_rng(1)
    graph = residual(rng)
    return graph, random_input(rng, graph)


@pytest.mark.parametrize("config", ODD, ids=lambda config: config.name)
def test_sizes_that_are_no_powers_of_two_or_not_square(config):
    graph, images = load(MODEL), digits().images
    program = compile(graph, config)
    with runtime.open("verilator", config) as device:
        for image in images[:3]:
            result = device.run(program, [image[None]])
            np.testing.assert_array_equal(result.outputs[0], golden.run(graph, [image[None]])[0])
            assert result.cycles == program.predicted


@pytest.mark.parametrize("memory", ["local", "external"])
def test_one_program_gives_the_same_bits_everywhere(memory):
    config = PRESETS["c16"]
    graph, x = small()
    program = compile(graph, config, memory=memory)
    expected = golden.run(graph, x)
    cycles = {}
    for name in ("functional", "pysim", "verilator"):
        with runtime.open(name, config) as device:
            for _ in range(2 if name != "pysim" else 1):  # twice back to back
                result = device.run(program, x)
                np.testing.assert_array_equal(result.outputs[0], expected[0])
                cycles[name] = result.cycles
    assert cycles["pysim"] == cycles["verilator"]
    if memory == "local":
        assert cycles["functional"] == cycles["verilator"]


def test_two_networks_in_turn_give_the_bits_they_give_alone():
    config = PRESETS["c16"]
    little, x = small()
    graph, images = load(MODEL), digits().images
    programs = [compile(network, config) for network in (little, graph)]
    inputs = [x, [images[0][None]]]
    expected = [golden.run(network, values)[0] for network, values in zip((little, graph), inputs, strict=True)]
    with runtime.open("verilator", config) as device:
        for turn in (0, 1, 0, 0, 1):
            result = device.run(programs[turn], inputs[turn])
            np.testing.assert_array_equal(result.outputs[0], expected[turn])
            assert result.cycles == programs[turn].predicted


CYCLES = {
    "c256": {
        "mlpt_ic_resnet8": 54_000,
        "mlpt_kws_dscnn": 16_000,
        "mlpt_vww_mbv1_025": 47_000,
        "mlpt_ad_toycar": 17_500,
        "mlpt_sww_strm": 5_500,
    },
    "c64": {
        "mlpt_ic_resnet8": 214_000,
        "mlpt_kws_dscnn": 56_000,
        "mlpt_vww_mbv1_025": 160_000,
        "mlpt_ad_toycar": 34_500,
        "mlpt_sww_strm": 16_500,
    },
}
"""What an inference may take at most, by the hardware's counter."""


@pytest.mark.parametrize("preset", CYCLES)
def test_real_networks_are_exact_and_as_fast_as_predicted(preset):
    config = PRESETS[preset]
    for name in SMALL:
        program = compile(model(name), config)
        with runtime.open("verilator", config) as device:
            for x, y in reference(name, limit=8):
                result = device.run(program, [x])
                np.testing.assert_array_equal(result.outputs[0], y, err_msg=f"{name} on {preset}")
        assert result.cycles <= CYCLES[preset].get(name, result.cycles)
        assert result.cycles == program.predicted, name
        off = [layer.name for layer in result.layers if layer.cycles != layer.predicted]
        assert not off, f"{name} on {preset}: predictions differ from cycles in {off}"


LARGER = {
    "weight_bytes": 768 << 10,
    "activation_bytes": 512 << 10,
    "parameter_records": 16384,
    "program_commands": 1024,
}
LARGEST = {"weight_bytes": 8 << 20, "activation_bytes": 4 << 20, "parameter_records": 32768, "program_commands": 4096}


@pytest.mark.parametrize(
    ("name", "on", "sizes"), [(LARGE[0], "verilator", LARGER), (LARGE[1], "functional", LARGEST)], ids=LARGE
)
def test_larger_networks_are_exact_with_memories_to_fit(name, on, sizes):
    config = PRESETS["c256"].replace(name="c256 with larger memories", **sizes)
    program = compile(model(name), config)
    with runtime.open(on, config) as device:
        for x, y in reference(name, limit=2):
            result = device.run(program, [x])
            np.testing.assert_array_equal(result.outputs[0], y)
    assert result.cycles == program.predicted


def test_a_depthwise_layer_keeps_most_of_nine_sixteenths_of_the_multipliers_busy():
    """By the timing model, which other tests hold against the gateware; c256 itself has no memory for the layer."""
    config = PRESETS["c256"].replace(activation_bytes=128 << 10)
    rng = np.random.default_rng(2)
    b = Builder(rng)
    graph = b.output(b.depthwise(b.input(1, 25, 25, 64), padding="SAME"))
    x = random_input(rng, graph)
    with runtime.open("functional", config) as device:
        result = device.run(compile(graph, config), x)
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, x)[0])
    assert 25 * 25 * 64 * 9 / result.cycles >= 110, result.cycles
