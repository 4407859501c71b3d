# SPDX-License-Identifier: Apache-2.0
"""Whole real networks on the functional simulator against TensorFlow Lite for Microcontrollers' own outputs."""

import time

import numpy as np
import pytest

from celosia.arch.config import PRESETS
from celosia.compiler import CompileError, compile
from celosia.runtime import Device
from celosia.sim.functional import FunctionalTransport
from support.shared import SMALL, model, reference

TOO_LARGE = {
    ("mlpt_ad_toycar", "c16", "local"): "it needs 264192 bytes of weight memory, and there are 65536",
    ("mlpt_ic_resnet8", "c16", "local"): "it needs 77632 bytes of weight memory, and there are 65536",
    ("mlpt_vww_mbv1_025", "c16", "local"): "bytes of weight memory, and there are 65536",
    ("mlpt_ad_toycar", "c256-small", "local"): "it needs 266240 bytes of weight memory, and there are 40960",
    ("mlpt_ic_resnet8", "c256-small", "local"): "bytes of weight memory, and there are 40960",
    ("mlpt_vww_mbv1_025", "c256-small", "local"): "bytes of weight memory, and there are 40960",
    ("mlpt_sww_strm", "c256-small", "local"): "bytes of weight memory, and there are 40960",
    ("tflm_micro_speech", "c256-small", "local"): "it needs 66560 bytes of weight memory, and there are 40960",
}


@pytest.mark.parametrize("memory", ["local", "external"])
@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", SMALL)
def test_model(name, preset, memory):
    config = PRESETS[preset]
    if (name, preset, memory) in TOO_LARGE:
        with pytest.raises(CompileError, match=TOO_LARGE[name, preset, memory]):
            compile(model(name), config, memory=memory)
        return
    program = compile(model(name), config, memory=memory)
    pairs = reference(name, 3)
    with Device(FunctionalTransport(config)) as device:
        result = device.run(program, np.stack([x for x, _ in pairs]))
    np.testing.assert_array_equal(result.outputs[0], np.stack([y for _, y in pairs]))
    assert result.inferences == len(pairs)
    assert result.cycles == program.predicted
    assert [layer.cycles for layer in result.layers] == [layer.predicted for layer in program.layers]
    assert sum(layer.cycles or 0 for layer in result.layers) <= result.cycles


@pytest.mark.parametrize("preset", ["c256", "c64", "c512"])
def test_only_softmax_stays_on_the_host(preset):
    for name in SMALL:
        layers = compile(model(name), PRESETS[preset]).layers
        assert {layer.op for layer in layers if layer.place == "host"} <= {"SOFTMAX", "RESHAPE"}


@pytest.mark.parametrize(
    ("name", "preset", "most"),
    [
        ("mlpt_ic_resnet8", "c256", 51_500),
        ("mlpt_kws_dscnn", "c256", 13_340),
        ("mlpt_vww_mbv1_025", "c256", 41_570),
        ("mlpt_sww_strm", "c256", 4_440),
        ("mlpt_ad_toycar", "c256", 8_900),
        ("mlpt_ic_resnet8", "c64", 200_000),
        ("mlpt_kws_dscnn", "c64", 49_500),
        ("mlpt_vww_mbv1_025", "c64", 147_590),
        ("mlpt_sww_strm", "c64", 14_500),
    ],
)
def test_cycles(name, preset, most):
    """What has been reached stays."""
    assert compile(model(name), PRESETS[preset]).predicted <= most


def test_resnet8_is_fast():
    program = compile(model("mlpt_ic_resnet8"), PRESETS["c256"])
    x, _ = reference("mlpt_ic_resnet8")[0]
    with Device(FunctionalTransport(PRESETS["c256"])) as device:
        device.run(program, x)
        began = time.perf_counter()
        device.run(program, x)
        assert time.perf_counter() - began < 2


def test_too_much_activation_memory():
    with pytest.raises(
        CompileError, match=r"bytes of activation memory at operator \d+ .*, and there are 4096; choose"
    ):
        compile(model("mlpt_ic_resnet8"), PRESETS["c256"].replace(activation_bytes=4096, name="little"))


def test_too_many_parameters():
    with pytest.raises(CompileError, match="records of parameter memory, and there are 64; choose"):
        compile(model("mlpt_ic_resnet8"), PRESETS["c256"].replace(parameter_records=64, name="little"))


def test_too_many_commands():
    with pytest.raises(CompileError, match="it needs 19 commands of program memory, and there are 18; choose"):
        compile(model("mlpt_ic_resnet8"), PRESETS["c256"].replace(program_commands=18, name="little"))


def test_weights_streamed_through_a_quarter_of_their_size():
    config = PRESETS["c16"].replace(name="c16 with more records", parameter_records=2048)
    program = compile(model("mlpt_ad_toycar"), config, memory="external")
    assert len(program.weights) > 4 * config.weight_bytes
    x, y = reference("mlpt_ad_toycar")[0]
    with Device(FunctionalTransport(config)) as device:
        np.testing.assert_array_equal(device.run(program, x).outputs[0], y)
        np.testing.assert_array_equal(device.run(program, x).outputs[0], y)
