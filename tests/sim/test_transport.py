# SPDX-License-Identifier: Apache-2.0
"""What both cycle-accurate transports promise, and that they agree."""

import os

import numpy as np
import pytest

from celosia.arch.isa import Engine, Space
from celosia.arch.registers import IDENTITY, Register, Status, control_address_bits, window
from celosia.arch.timing import START_CYCLES
from celosia.runtime import Event, TransportError
from celosia.sim import MemoryModel
from sim.conftest import TRANSPORTS
from sim.copier import BREAK, RAM_BYTES, small, start_copy

RAM = window(small(), Space.WEIGHTS)
DATA = np.random.default_rng(1).bytes(4096)
SIZE = 1 << 16

each = pytest.mark.parametrize("name", TRANSPORTS)


def copy(transport, source=0x1000, destination=0x4000, size=4096):
    """Have it copy; its events."""
    transport.external_write(source, DATA[:size])
    start_copy(transport, source, destination, size)
    transport.wait(100_000)
    return transport.events()


@each
def test_registers_and_windows_hold_what_is_written(simulate, name):
    transport = simulate(name)
    assert transport.read(Register.ID) == IDENTITY
    transport.write(RAM + 8, 0xFEDCBA98)
    assert transport.read(RAM + 8) == 0xFEDCBA98
    transport.write_block(RAM, DATA)
    assert transport.read_block(RAM, len(DATA)) == DATA
    assert transport.read_block(RAM + 100, 8) == DATA[100:108]
    assert transport.read_block(RAM, 0) == b""


@each
def test_blocks_move_a_word_a_cycle(simulate, name):
    transport = simulate(name)
    for move in (lambda: transport.write_block(RAM, DATA), lambda: transport.read_block(RAM, len(DATA))):
        before = transport.cycles
        move()
        assert transport.cycles - before == len(DATA) // 4 + 1


@each
@pytest.mark.parametrize("bus_bits", [32, 64])
def test_the_core_reaches_external_memory(simulate, name, bus_bits):
    transport = simulate(name, config=small(bus_bits))
    started, finished = copy(transport)
    assert (started.engine, started.started) == (Engine.LOAD, True)
    assert (finished.engine, finished.started) == (Engine.LOAD, False)
    assert transport.read(Register.STATUS) == Status.DONE
    assert transport.external_read(0x4000, len(DATA)) == DATA
    assert transport.external_read(0x4000 + len(DATA), 64) == bytes(64)


@each
def test_events_count_from_the_start(simulate, name):
    transport = simulate(name)
    copy(transport)
    first = copy(transport)
    assert first[0] == Event(1 - START_CYCLES, Engine.LOAD, True)
    transport.read_block(RAM, 400)
    assert copy(transport) == first
    assert transport.events() == []


MEMORIES = {
    "ideal": MemoryModel(size=SIZE),
    "latency": MemoryModel(size=SIZE, latency=23),
    "gap": MemoryModel(size=SIZE, gap=3),
    "stalls": MemoryModel(size=SIZE, latency=5, stall=0.4, seed=7),
    "other stalls": MemoryModel(size=SIZE, latency=5, stall=0.4, seed=8),
    "jitter": MemoryModel(size=SIZE, latency=5, jitter=20, seed=9),
    "all": MemoryModel(size=SIZE, latency=9, gap=1, stall=0.7, seed=2**64 - 1),
}


@pytest.mark.parametrize("memory", MEMORIES)
def test_both_simulators_agree_on_bits_and_cycles(simulate, memory):
    seen = []
    for name in TRANSPORTS:
        transport = simulate(name, external=MEMORIES[memory])
        events = copy(transport, size=2048)
        assert transport.external_read(0x4000, 2048) == DATA[:2048]
        seen.append((events, transport.cycles))
    assert seen[0] == seen[1]


def test_the_memory_model_costs_what_it_says(simulate):
    cycles = {}
    for memory, model in MEMORIES.items():
        events = copy(simulate("verilator", external=model))
        cycles[memory] = events[-1].cycle
    beats = len(DATA) // 8
    assert cycles["ideal"] < beats + 10
    assert cycles["gap"] == pytest.approx(4 * beats, rel=0.05)
    assert beats < cycles["latency"] < cycles["stalls"] != cycles["other stalls"]


@each
@pytest.mark.parametrize("broken", ["source", "destination"])
def test_an_error_range_answers_with_errors(simulate, name, broken):
    bad = {"source": 0x1100, "destination": 0x4100}[broken]
    transport = simulate(name, external=MemoryModel(size=SIZE, errors=range(bad, bad + 8)))
    transport.external_write(bad, b"unharmed")
    copy(transport)
    assert transport.read(Register.STATUS) == Status.ERROR
    assert transport.external_read(0x4000, 0x100) == DATA[:0x100]
    assert transport.external_read(0x4100, 8) == (b"unharmed" if broken == "destination" else bytes(8))
    assert transport.external_read(0x4108, 0x100) == DATA[0x108:0x208]


@each
def test_beats_outside_the_memory_are_errors(simulate, name):
    transport = simulate(name)
    copy(transport, destination=SIZE - 64)
    assert transport.read(Register.STATUS) == Status.ERROR
    assert transport.external_read(SIZE - 64, 64) == DATA[:64]


@each
@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (1, "an assertion of the gateware failed: broken as asked"),
        (2, "memory AR: valid was dropped before ready"),
        (3, "memory W: wlast set on beat 1 of a burst of 4"),
        (4, "memory AR at 0xff8: a burst of 2 beats crosses a 4 KiB boundary"),
        (5, "control R: data that no read asked for"),
    ],
)
def test_a_broken_rule_is_reported(simulate, name, rule, message):
    transport = simulate(name, external=MemoryModel(size=SIZE, stall=0.99 if rule == 2 else 0))

    def use():
        transport.write(BREAK, rule)
        transport.wait(1000)

    for _ in range(2):  # and stays reported
        with pytest.raises(TransportError, match=rf"^{message} \(cycle \d+\)$"):
            use()


@each
def test_bus_errors_are_reported(simulate, name):
    outside = RAM + RAM_BYTES
    with pytest.raises(TransportError, match=f"error 2 on the read of {outside:#x}"):
        simulate(name).read(outside)
    with pytest.raises(TransportError, match=f"error 2 on the write of {outside:#x}"):
        simulate(name).write_block(outside - 8, bytes(16))


@each
def test_waiting_ends(simulate, name):
    transport, seen = simulate(name), []
    with pytest.raises(TransportError, match="no interrupt within 1000 cycles"):
        transport.wait(1000, seen.append)
    assert seen
    assert seen == sorted(seen)
    assert seen[-1] == 1000
    copy(transport)
    before = transport.cycles
    transport.wait()
    assert transport.cycles == before


@each
def test_arguments_are_checked(simulate, name):
    transport = simulate(name)
    for call in (
        lambda: transport.read(2),
        lambda: transport.read(-4),
        lambda: transport.read(1 << control_address_bits(small())),
        lambda: transport.write(0, 1 << 32),
        lambda: transport.write(0, -1),
        lambda: transport.read_block(RAM, 6),
        lambda: transport.write_block(RAM, b"abc"),
        lambda: transport.external_read(SIZE - 1, 2),
        lambda: transport.external_write(-1, b"a"),
    ):
        with pytest.raises(TransportError):
            call()
    transport.write(RAM, 1)
    assert transport.cycles == 2


@each
def test_a_closed_transport_says_so(simulate, name):
    with simulate(name) as transport:
        transport.read(0)
    transport.close()
    for call in (lambda: transport.read(0), transport.wait, transport.events, lambda: transport.external_read(0, 4)):
        with pytest.raises(TransportError, match="closed"):
            call()


@each
def test_an_interrupted_access_is_finished_first(simulate, name, monkeypatch):
    transport = simulate(name)
    transport._chunk = 100
    run = transport._run

    def interrupt(until, cycles):
        run(until, cycles)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(transport, "_run", interrupt)
        with pytest.raises(KeyboardInterrupt):
            transport.write_block(RAM, DATA)
    assert transport.read_block(RAM, len(DATA)) == DATA


@each
def test_waveforms_are_value_change_dumps(simulate, name, tmp_path):
    wave = tmp_path / "core.vcd"
    transport = simulate(name, wave=wave)
    copy(transport)
    transport.close()
    text = wave.read_text()
    assert "$enddefinitions" in text
    assert "memory__araddr" in text
    assert "room" in text
    assert os.listdir(tmp_path) == ["core.vcd"]
