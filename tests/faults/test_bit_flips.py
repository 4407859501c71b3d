# SPDX-License-Identifier: Apache-2.0
"""Programs with one bit wrong, on gateware: the machine ends in a defined state, writes no external byte outside its
bounds, and the next program is exact.

``CELOSIA_FLIPS=all`` tries every bit; otherwise every so many-th.
"""

import os

import numpy as np
import pytest

from celosia import golden, runtime
from celosia.arch.config import PRESETS
from celosia.arch.isa import COMMAND_BYTES, ErrorCause, Space
from celosia.arch.registers import Control, Register, Status
from celosia.compiler import compile
from celosia.runtime import TransportError
from celosia.runtime.control import reset, write_window
from compiler.networks import random_input, residual

CONFIG = PRESETS["c16"]
SAMPLE = 61  # a prime: all bits of all fields come up, in some command
PATIENCE = 50_000
BASE, GUARD = 1 << 16, 1 << 12
"""The program's external memory begins at BASE; the bytes before and after it must stay."""


@pytest.mark.parametrize("memory", ["local", "external"])
def test_every_bit_of_a_program(memory):
    rng = np.random.default_rng(1)
    graph = residual(rng)
    x = random_input(rng, graph)
    program = compile(graph, CONFIG, memory=memory)
    other = compile(residual(rng, 6), CONFIG)
    expected = golden.run(graph, x)[0]
    step = 1 if os.environ.get("CELOSIA_FLIPS") == "all" else SAMPLE
    ends = {"done": 0, "error": 0, "stopped": 0}
    with runtime.open("verilator", CONFIG) as device:
        transport = device.transport
        size = program.external.get("end", 4096)
        guard = bytes(rng.integers(0, 256, GUARD, dtype=np.uint8))
        for bit in range(0, 8 * len(program.commands), step):
            commands = bytearray(program.commands)
            commands[bit // 8] ^= 1 << bit % 8
            write_window(transport, Space.PROGRAM, 0, bytes(commands))
            transport.write(Register.EXTERNAL_BASE, BASE)
            transport.write(Register.EXTERNAL_SIZE, size)
            transport.write(Register.TIMEOUT, PATIENCE // 4)
            transport.external_write(BASE - GUARD, guard)
            transport.external_write(BASE + size, guard)
            ends[_play(transport, bit // 8 // COMMAND_BYTES)] += 1
            assert transport.external_read(BASE - GUARD, GUARD) == guard, bit
            assert transport.external_read(BASE + size, GUARD) == guard, bit
            if bit % (16 * step) == 0:  # what it did is forgotten
                reset(transport)
                transport.write(Register.EXTERNAL_BASE, 0)
                device.load(other)  # so that the program is loaded once more
                device.load(program)
                np.testing.assert_array_equal(device.run(program, x).outputs[0], expected)
    assert ends["error"] > ends["stopped"]
    assert ends["done"] > 0


def _play(transport, command: int) -> str:
    """Start at the command with the wrong bit; how that ended."""
    reset(transport)
    transport.write(Register.INTERRUPT, 0b11)
    transport.write(Register.START, command)
    transport.write(Register.CONTROL, Control.START)
    try:
        transport.wait(PATIENCE)
    except TransportError:  # a loop that is long, not endless: it can be stopped
        reset(transport)
        assert transport.read(Register.STATUS) == 0
        return "stopped"
    status, error = Status(transport.read(Register.STATUS)), transport.read(Register.ERROR)
    if status & Status.DONE:
        assert error == 0
        return "done"
    assert Status.ERROR in status
    assert ErrorCause(error & 0xFF) is not ErrorCause.NONE
    assert error >> 16 >= command
    return "error"
