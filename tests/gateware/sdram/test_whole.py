# SPDX-License-Identifier: Apache-2.0
"""A core whose LOADs and STOREs go to the chip: whole programs, exact."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, connect, flipped

from celosia import golden
from celosia.arch.config import preset
from celosia.arch.isa import Engine, Opcode, Space, encode
from celosia.arch.registers import Control, Register, Status, window
from celosia.compiler import compile
from celosia.gateware.core import Core
from celosia.gateware.sdram import Sdram
from celosia.runtime import Device, TransportError
from celosia.sim import MemoryModel
from celosia.sim.pysim import PysimTransport
from celosia.sim.sdram import SdramChip
from celosia.sim.verilator import VerilatorTransport
from compiler.networks import random_input, residual
from gateware.sdram.bench import CLOCK, QUICK
from sim.conftest import cache  # noqa: F401 - a fixture
from sim.copier import core_ports

SIZE = 1 << 16


class CoreWithChip(Component):
    """A core, a controller and its chip; the bus for another memory is idle."""

    def __init__(self, config, *, chip=QUICK, true_chip=QUICK):
        self.core = Core(config)
        self.sdram = Sdram(config, chip, clock_hz=CLOCK)
        self.chip = SdramChip(true_chip, clock_hz=CLOCK, size=SIZE)
        super().__init__(core_ports(config))

    def elaborate(self, platform):
        m = Module()
        m.submodules.core, m.submodules.sdram, m.submodules.chip = self.core, self.sdram, self.chip
        connect(m, self.core.memory, self.sdram.bus)
        connect(m, self.sdram.pins, self.chip.pins)
        connect(m, flipped(self.control), self.core.control)
        for name in ("interrupt", "trace_started", "trace_finished"):
            m.d.comb += getattr(self, name).eq(getattr(self.core, name))
        return m


class BackDoor(PysimTransport):
    """The host reaches the chip's storage directly, as if over a link of no width."""

    def __init__(self, config):
        self._made = CoreWithChip(config)
        super().__init__(config, lambda: self._made, external=MemoryModel(size=SIZE))

    def external_write(self, offset, data):
        words = np.frombuffer(data, "<u2")
        assert offset % 2 == 0
        for i, word in enumerate(words.tolist()):
            self._context.set(self._made.chip.storage.data[offset // 2 + i], word)

    def external_read(self, offset, size):
        assert offset % 2 == size % 2 == 0
        for _ in range(
            100
        ):  # what has been answered may still be on its way to the chip: the bus keeps order, we do not
            self._step()
        words = [self._context.get(self._made.chip.storage.data[i]) for i in range(offset // 2, (offset + size) // 2)]
        return np.array(words, "<u2").tobytes()


@pytest.mark.parametrize("bus_bits", [32, 64])
def test_a_network_whose_weights_and_inputs_are_in_the_chip_is_exact(bus_bits):
    config = preset("c16").replace(bus_bits=bus_bits)
    rng = np.random.default_rng(1)
    graph = residual(rng, size=6, channels=4)
    program = compile(graph, config, memory="external")
    assert program.external["end"] <= SIZE
    with Device(BackDoor(config)) as device:
        for _ in range(2):
            x = random_input(rng, graph)
            result = device.run(program, x)
            np.testing.assert_array_equal(result.outputs[0], golden.run(graph, x)[0])


def there_and_back(transport, size: int, pitch: int) -> bytes:
    """STORE ``size`` bytes of activations to rows ``pitch`` bytes apart, LOAD them to the weights' memory."""
    config, row = transport.config, 256
    move = {
        "external_address": 512,
        "external_stride": pitch,
        "local_stride": row,
        "row_bytes": row,
        "rows": size // row,
    }
    commands = [
        encode(Opcode.STORE, **move, local_address=0, space=Space.ACTIVATIONS.value),
        encode(Opcode.LOAD, **move, local_address=0, space=Space.WEIGHTS.value, waits={Engine.STORE: 1}),
        encode(Opcode.END, waits={Engine.LOAD: 1}),
    ]
    transport.write_block(window(config, Space.PROGRAM), b"".join(commands))
    transport.write(Register.EXTERNAL_SIZE, SIZE)
    transport.write(Register.INTERRUPT, 3)  # enable, and forget the last one
    transport.write(Register.CONTROL, Control.START)
    transport.wait(100_000)
    assert transport.read(Register.STATUS) & Status.DONE
    return transport.read_block(window(config, Space.WEIGHTS), size)


@pytest.fixture(scope="module")
def content():
    return np.random.default_rng(2).integers(0, 256, 16 << 10, dtype=np.uint8).tobytes()


def test_what_is_stored_in_the_chip_is_loaded_again_in_verilator(content):
    config = preset("c16")
    with VerilatorTransport(config, lambda: CoreWithChip(config)) as transport:
        transport.write_block(window(config, Space.ACTIVATIONS), content)
        for pitch in (256, 768):
            assert there_and_back(transport, len(content), pitch) == content


def test_a_broken_rule_stops_verilator_too():
    config = preset("c16")
    hurried = QUICK.replace(t_rfc=8)
    with VerilatorTransport(config, lambda: CoreWithChip(config, chip=hurried)) as transport:
        with pytest.raises(TransportError, match="tRFC: a command too soon after REFRESH"):
            there_and_back(transport, 1024, 256)
