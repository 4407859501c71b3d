# SPDX-License-Identifier: Apache-2.0
"""Devices: what they check, load, run, and say when something is wrong."""

import numpy as np
import pytest

from celosia import golden
from celosia.arch.config import PRESETS
from celosia.arch.isa import COMMAND_BYTES, Opcode, Space
from celosia.arch.registers import Register, Status, window
from celosia.compiler import compile
from celosia.fuzz.builder import Builder
from celosia.runtime import Device, DeviceError, InputError, Program, TransportError, open
from celosia.sim.functional import FunctionalTransport
from compiler.networks import random_input, residual

CONFIG = PRESETS["c64"]


class Spy(FunctionalTransport):
    """Counts what is written to windows, and lies about registers if told to."""

    def __init__(self, config=CONFIG, external_bytes=1 << 20):
        super().__init__(config, external_bytes)
        self.written = 0
        self.lies: dict[int, int] = {}
        self.silent = False

    def read(self, address: int) -> int:
        return self.lies.get(address, super().read(address))

    def write_block(self, address: int, data: bytes) -> None:
        self.written += len(data)
        super().write_block(address, data)

    def events(self):
        events = super().events()
        return [] if self.silent else events


def network(seed: int = 1, memory: str = "local") -> tuple[Program, np.ndarray, np.ndarray]:
    """A program with its input and output."""
    rng = np.random.default_rng(seed)
    graph = residual(rng)
    (x,) = random_input(rng, graph)
    return compile(graph, CONFIG, memory=memory), x, golden.run(graph, [x])[0]


@pytest.mark.parametrize(
    ("register", "value", "message"),
    [
        (Register.ID, 0, "no Celosia core answers: ID reads 0x00000000"),
        (Register.VERSION, 0x00070003, "the core has version 7.3, this software"),
        (Register.HASH_LOW, 1, "the core's configuration has hash .*, c64 has"),
        (Register.HASH_HIGH, 1, "choose the configuration the core was built with"),
    ],
)
def test_wrong_core(register, value, message):
    spy = Spy()
    spy.lies[register] = value
    with pytest.raises(DeviceError, match=message) as caught:
        Device(spy)
    assert "\n" not in str(caught.value)


def test_core_that_never_becomes_idle():
    program, x, _ = network()
    spy = Spy()
    device = Device(spy)
    spy.lies[Register.STATUS] = Status.DRAINING
    with pytest.raises(DeviceError, match="does not become idle after a reset: STATUS reads 0x8"):
        device.run(program, x)


def test_program_of_another_configuration():
    program, x, _ = network()
    with pytest.raises(DeviceError, match="compiled for c64, the device is c16"):
        Device(FunctionalTransport(PRESETS["c16"])).run(program, x)


@pytest.mark.parametrize("memory", ["local", "external"])
def test_programs_stay_loaded(memory):
    first, x1, y1 = network(1, memory)
    second, x2, y2 = network(2, memory)
    spy = Spy()
    device = Device(spy)
    np.testing.assert_array_equal(device.run(first, x1).outputs[0], y1)
    loaded = spy.written
    assert loaded >= len(first.commands)
    np.testing.assert_array_equal(device.run(first, x1).outputs[0], y1)
    assert spy.written - loaded < loaded / 2
    np.testing.assert_array_equal(device.run(second, x2).outputs[0], y2)
    np.testing.assert_array_equal(device.run(first, x1).outputs[0], y1)


def test_external_memory_that_is_too_small():
    program, x, _ = network(1, "external")
    needed = program.external["end"]
    with pytest.raises(DeviceError, match=f"needs {needed} bytes of external memory, the device has 512"):
        Device(FunctionalTransport(CONFIG, 512)).run(program, x)


def test_external_cycles_include_transfers():
    local, x, _ = network(1, "local")
    external, _, _ = network(1, "external")
    device = Device(FunctionalTransport(CONFIG))
    assert device.run(external, x).cycles > device.run(local, x).cycles


def test_batches():
    program, x, y = network()
    other = np.roll(x, 1)
    device = Device(FunctionalTransport(CONFIG))
    single = device.run(program, [x])
    z = device.run(program, other).outputs[0]
    assert single.outputs[0].shape == y.shape == (1, 10)
    stacked = device.run(program, np.stack([x, other]))
    assert stacked.outputs[0].shape == (2, 1, 10)
    np.testing.assert_array_equal(stacked.outputs[0], np.stack([y, z]))
    joined = device.run(program, np.concatenate([x, other, x]))
    assert joined.outputs[0].shape == (3, 10)
    np.testing.assert_array_equal(joined.outputs[0], np.concatenate([y, z, y]))
    assert single.cycles == stacked.cycles == joined.cycles
    assert (single.inferences, stacked.inferences, joined.inferences) == (1, 2, 3)


def test_several_inputs():
    rng = np.random.default_rng(1)
    builder = Builder(rng)
    a, b = builder.input(1, 4, 4, 3), builder.input(1, 4, 4, 3)
    graph = builder.output(builder.add(a, b), a)
    x, y = random_input(rng, graph)
    device = Device(FunctionalTransport(CONFIG))
    result = device.run(compile(graph, CONFIG), [x, y])
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, [x, y])[0])
    np.testing.assert_array_equal(result.outputs[1], x)
    with pytest.raises(InputError, match="takes 2 inputs, not 1"):
        device.run(compile(graph, CONFIG), x)
    with pytest.raises(InputError, match="all inputs must be single, or batches of the same size"):
        device.run(compile(graph, CONFIG), [x, np.stack([y, y])])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((1, 8, 8, 3), np.float32), "must be int8, not float32: quantize"),
        (np.zeros((1, 8, 8, 4), np.int8), r"must have shape \(1, 8, 8, 3\), or a batch axis before it, not"),
        (np.zeros((8, 8, 3), np.int8), "must have shape"),
        (np.zeros((), np.int8), "must have shape"),
        (np.zeros((0, 1, 8, 8, 3), np.int8), "is an empty batch"),
        ([np.zeros((1, 8, 8, 3), np.int8)] * 2, "takes 1 inputs, not 2"),
    ],
)
def test_wrong_inputs(wrong, message):
    program, _, _ = network()
    with pytest.raises(InputError, match=message):
        Device(FunctionalTransport(CONFIG)).run(program, wrong)


def broken(program: Program, offset: int, value: int) -> Spy:
    """A device on which a byte of the loaded program has been changed behind the runtime's back."""
    spy = Spy()
    Device(spy).load(program)
    address = window(CONFIG, Space.PROGRAM) + offset // 4 * 4
    word = bytearray(spy.read_block(address, 4))
    word[offset % 4] = value
    spy.write_block(address, bytes(word))
    return spy


def test_errors_name_command_and_layer_and_leave_the_device_usable():
    program, x, y = network()
    number = next(i for i, c in enumerate(program.segment(0)) if c["opcode"] is Opcode.ADD)
    spy = broken(program, number * COMMAND_BYTES + 1, 1)
    device = Device(spy)
    device._loaded = program.digest
    layer = program.segment(0)[number]["layer"]
    name = program.layers[layer].name
    expected = f"stopped at command {number} \\(ADD of layer {layer} '{name}'\\): it is no legal command"
    with pytest.raises(DeviceError, match=expected) as caught:
        device.run(program, x)
    assert "\n" not in str(caught.value)
    np.testing.assert_array_equal(device.run(program, x).outputs[0], y)


def test_error_outside_the_program():
    program, x, _ = network()
    spy = Spy()
    spy.lies[Register.STATUS] = 0
    device = Device(spy)
    device.load(program)
    with pytest.raises(DeviceError, match="raised its interrupt while STATUS reads 0x0"):
        device.run(program, x)


def test_unknown_cause():
    program, x, _ = network()
    spy = broken(program, 0, 0)
    device = Device(spy)
    device._loaded = program.digest
    spy.lies[Register.ERROR] = 0xFFFF00EE
    with pytest.raises(DeviceError, match="stopped at command 65535: cause 0xee, which this software does not know"):
        device.run(program, x)


def test_max_cycles_and_progress():
    program, x, _ = network()
    device = Device(FunctionalTransport(CONFIG))
    seen: list[int] = []
    device.run(program, x, progress=seen.append)
    assert seen
    assert min(seen) > 0
    with pytest.raises(TransportError, match="no interrupt within 3 cycles"):
        device.run(program, x, max_cycles=3)


def test_device_that_does_not_trace():
    program, x, y = network()
    spy = Spy()
    spy.silent = True
    result = Device(spy).run(program, x)
    np.testing.assert_array_equal(result.outputs[0], y)
    assert result.cycles > 0
    assert {layer.cycles for layer in result.layers if layer.place != "host"} == {None}
    assert {layer.cycles for layer in result.layers if layer.place == "host"} == {0}


def test_result():
    program, x, _ = network()
    result = Device(FunctionalTransport(CONFIG)).run(program, x)
    assert result.macs == program.macs == sum(layer.macs for layer in result.layers)
    assert result.utilization == result.macs / (result.cycles * 64)
    assert {layer.place for layer in result.layers} == {"array", "lanes", "host"}
    host = [layer for layer in result.layers if layer.place == "host"]
    assert result.seconds == sum(layer.seconds for layer in host) > 0
    assert not any(layer.seconds for layer in result.layers if layer.place != "host")


def test_open():
    with open("functional", "c16") as device:
        assert device.config == PRESETS["c16"]
    with open("functional", CONFIG) as device:
        assert device.config is CONFIG
    with pytest.raises(ValueError, match="no configuration is called 'c17'"):
        open("functional", "c17")
    with pytest.raises(DeviceError, match="no device is called 'abacus'"):
        open("abacus")
