# SPDX-License-Identifier: Apache-2.0
"""Registers, windows, errors and events of the functional simulator."""

import pytest

from celosia.arch.isa import Engine, ErrorCause, Opcode, Space, encode
from celosia.arch.registers import (
    IDENTITY,
    Control,
    Register,
    Status,
    control_address_bits,
    space_bytes,
    window,
    window_bits,
)
from celosia.arch.version import VERSION
from celosia.runtime import TransportError
from celosia.sim.functional import FunctionalTransport
from sim_functional.machines import END, EXTERNAL, TINY, random_core, start

LOAD = encode(Opcode.LOAD, rows=1, row_bytes=8, space=Space.ACTIVATIONS)


@pytest.fixture
def core():
    with FunctionalTransport(TINY, EXTERNAL) as transport:
        yield transport


def test_identity(core):
    assert core.read(Register.ID) == IDENTITY
    assert core.read(Register.VERSION) == VERSION[0] << 16 | VERSION[1]
    assert core.read(Register.HASH_LOW) | core.read(Register.HASH_HIGH) << 32 == TINY.hash


def test_read_only_and_unknown_registers_ignore_writes(core):
    for address in range(0, 0x60, 4):
        core.write(address, 0) if address == Register.CONTROL else core.write(address, 0xFFFFFFFC)
    assert core.read(Register.ID) == IDENTITY
    assert core.read(Register.STATUS) == 0
    assert core.read(0x50) == 0
    for register in (Register.START, Register.TIMEOUT, Register.EXTERNAL_BASE, Register.EXTERNAL_SIZE):
        assert core.read(register) == 0xFFFFFFFC


def test_done(core):
    core.write(Register.INTERRUPT, 1)
    start(core, LOAD, encode(Opcode.END, waits={Engine.LOAD: 1}))
    core.wait(10000)
    assert core.read(Register.STATUS) == Status.DONE
    assert core.read(Register.ERROR) == 0
    assert core.read(Register.INTERRUPT) == 0b11
    cycles = core.read(Register.CYCLES_LOW)
    assert 0 < core.read(Register.LOAD_BUSY) <= cycles
    assert core.read(Register.CONV_BUSY) == 0
    core.write(Register.INTERRUPT, 0b10)
    assert core.read(Register.INTERRUPT) == 0
    core.write(Register.CONTROL, Control.RESET)
    assert core.read(Register.STATUS) == 0
    assert core.read(Register.CYCLES_LOW) == 0


def test_start_elsewhere(core):
    start(core, bytes(64), END, at=1)
    assert core.read(Register.STATUS) == Status.DONE


@pytest.mark.parametrize(
    ("program", "cause", "index"),
    [
        ([END[:1] + b"\1" + END[2:]], ErrorCause.ILLEGAL_COMMAND, 0),
        ([LOAD, bytes(64)], ErrorCause.ILLEGAL_COMMAND, 1),
        ([LOAD, encode(Opcode.CONV)], ErrorCause.ILLEGAL_COMMAND, 1),
        ([LOAD] * 16, ErrorCause.PROGRAM_OVERRUN, 16),
        ([encode(Opcode.LOAD, rows=1, row_bytes=8, external_address=EXTERNAL)], ErrorCause.OUT_OF_BOUNDS, 0),
        ([encode(Opcode.STORE, rows=1, row_bytes=8, local_address=1 << 13)], ErrorCause.OUT_OF_BOUNDS, 0),
        ([encode(Opcode.LOAD, rows=3, row_bytes=8, local_stride=1 << 12)], ErrorCause.OUT_OF_BOUNDS, 0),
        ([encode(Opcode.LOAD, rows=1, row_bytes=4)], ErrorCause.OUT_OF_BOUNDS, 0),
        ([encode(Opcode.STORE, rows=1, row_bytes=8, external_stride=2)], ErrorCause.OUT_OF_BOUNDS, 0),
    ],
)
def test_errors(core, program, cause, index):
    core.write(Register.INTERRUPT, 1)
    start(core, *program)
    core.wait()
    assert core.read(Register.STATUS) == Status.ERROR
    assert core.read(Register.ERROR) == cause.value | index << 16
    core.write(Register.CONTROL, Control.RESET)
    start(core, END)
    assert core.read(Register.STATUS) == Status.DONE


@pytest.mark.parametrize(
    ("opcode", "cause"), [(Opcode.LOAD, ErrorCause.BUS_READ), (Opcode.STORE, ErrorCause.BUS_WRITE)]
)
def test_no_memory_behind_the_bus(core, opcode, cause):
    core.write(Register.EXTERNAL_BASE, EXTERNAL)
    start(core, encode(opcode, rows=1, row_bytes=8))
    assert core.read(Register.ERROR) == cause.value


def test_external_base():
    core, _ = random_core(TINY, 7)
    core.write(Register.EXTERNAL_BASE, 4096)
    start(core, encode(Opcode.LOAD, rows=1, row_bytes=8, external_address=16, space=Space.ACTIVATIONS), END)
    assert core.read_block(window(TINY, Space.ACTIVATIONS), 8) == core.external_read(4096 + 16, 8)


def test_events_are_ordered_and_come_once(core):
    start(core, LOAD, LOAD, END)
    events = core.events()
    assert [event.engine for event in events] == [Engine.LOAD] * 4
    assert sum(event.started for event in events) == 2
    assert [event.cycle for event in events] == sorted(event.cycle for event in events)
    assert core.events() == []


def test_windows(core):
    for space in Space:
        size = space_bytes(TINY, space)
        data = bytes(range(256)) * (size // 256 + 1)
        core.write_block(window(TINY, space), data[:size])
        if space is not Space.PARAMETERS:
            assert core.read_block(window(TINY, space), size) == data[:size]
    record = core.read_block(window(TINY, Space.PARAMETERS) + 16, 16)
    assert record == bytes(range(16, 25)) + bytes(7)
    address = window(TINY, Space.ACTIVATIONS) + 12
    core.write(address, 0x04030201)
    assert core.read_block(address, 4) == b"\1\2\3\4"
    assert core.read(address) == 0x04030201


def test_window_beyond_its_memory_reads_0(core):
    address = window(TINY, Space.PROGRAM) + space_bytes(TINY, Space.PROGRAM)
    core.write_block(address, b"\xff" * 4)
    assert core.read_block(address, 4) == bytes(4)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda core: core.read(2),
        lambda core: core.read(-4),
        lambda core: core.read(1 << control_address_bits(TINY)),
        lambda core: core.write(0, 1 << 32),
        lambda core: core.read_block(0, 4),
        lambda core: core.read_block(window(TINY, Space.PROGRAM), 3),
        lambda core: core.write_block(window(TINY, Space.PROGRAM) - 4, bytes(8)),
        lambda core: core.read_block((5 << window_bits(TINY)), 4),
        lambda core: core.external_read(EXTERNAL - 4, 8),
        lambda core: core.external_write(-1, b"x"),
        lambda core: core.wait(),
    ],
)
def test_bad_access(core, wrong):
    with pytest.raises(TransportError):
        wrong(core)


def test_wait_gives_up(core):
    core.write(Register.INTERRUPT, 1)
    start(core, LOAD, END)
    seen = []
    with pytest.raises(TransportError, match="within 1 cycles"):
        core.wait(1, seen.append)
    assert seen == [core.read(Register.CYCLES_LOW)]


def test_closed():
    core = FunctionalTransport(TINY)
    core.close()
    core.close()
    with pytest.raises(TransportError, match="closed"):
        core.read(0)
