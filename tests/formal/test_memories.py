# SPDX-License-Identifier: Apache-2.0
"""The local memories: whoever asks in whichever cycle, each is served alone, once, and finds what was written last.

One byte of a small memory, any of them, is followed: what its users wrote, in the order in which they were served, and
what each read of it must give.
"""

import pytest
from amaranth.hdl import Assert, Assume, Const, Cover, Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, connect, flipped

from celosia.arch.config import Config, preset
from celosia.arch.registers import PARAMETER_BYTES
from celosia.arch.timing.conv import memory_way, record_latency
from celosia.gateware.datapath.weight_reader import WeightReader
from celosia.gateware.delay import delay
from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.interfaces import LocalBus
from celosia.gateware.memory import activations, parameters, weights
from celosia.gateware.memory.activations import ActivationMemory, LineRequest, ScatterWrite
from celosia.gateware.memory.parameters import ParameterMemory
from celosia.gateware.memory.ram import Ram, SimpleRam
from celosia.gateware.memory.weights import WeightMemory, weight_latency

from .proving import check, reach, started

LINES = WORDS = 2
SMALL = preset("c16").replace(name="proved", parameter_records=4)
SMALL = SMALL.replace(activation_bytes=LINES * SMALL.line_bytes, weight_bytes=WORDS * SMALL.weight_word_bytes)
DEPTH = 12
KEPT = 9  # bytes of a record that are stored
ANSWERED = 9  # cycles from a read that is taken to its answer, at most
ICE40 = SimulatedPlatform(Device(Family.ICE40, 8, simulated=True))


class PortsApart(Ram):
    """A Ram that asserts what it may suppose of its users."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.sync += Assert(~(self.b_read & self.b_write.any()), "port b reads and writes")
        if self.taking_turns:
            m.d.sync += Assert(~(self.a_read & self.b_read), "both ports read, where there is one")
        return m


class OnePort(SimpleRam):
    """A SimpleRam that asserts what it may suppose of its users."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        if self.exclusive and platform is ICE40:
            m.d.sync += Assert(~(self.read & self.write.any()), "reads and writes, where there is one port")
        return m


@pytest.fixture(autouse=True)
def asserting(monkeypatch):
    monkeypatch.setattr(activations, "Ram", PortsApart)
    monkeypatch.setattr(weights, "SimpleRam", OnePort)
    monkeypatch.setattr(parameters, "SimpleRam", OnePort)


class Watched(Component):
    """A memory with free users, of whom the local bus is one.

    Members
    -------
    word, place:
        The byte that is followed.
    follow:
        Which of its reads.
    """

    def __init__(self, words: int, word_bytes: int, members: dict, config: Config = SMALL):
        self.config, self.words, self.word_bytes = config, words, word_bytes
        members |= {
            "local": In(LocalBus(config)),
            "word": In(range(words)),
            "place": In(range(word_bytes)),
            "follow": In(1),
        }
        super().__init__(members)
        self.word_shift = (word_bytes - 1).bit_length()
        self.byte = Signal(8)

    def steady(self, m: Module):
        """The followed byte stays the same."""
        started(m)
        first = Signal(init=1)
        m.d.sync += first.eq(0)
        for chosen in (self.word, self.place):
            before = Signal.like(chosen, name=f"{chosen.name}_before")
            m.d.sync += before.eq(chosen)
            m.d.comb += Assume(first | (chosen == before))
        m.d.comb += [Assume(self.word < self.words), Assume(self.place < self.word_bytes)]

    def write_of(self, m: Module, taken: Value, word: Value, strobe: Value, data: Value):
        """A user whose write is taken writes some bytes of a word."""
        with m.If(taken & (word == self.word) & strobe.bit_select(self.place, 1)):
            m.d.sync += self.byte.eq(data.word_select(self.place, 8))

    def read_of(self, m: Module, name: str, taken: Value, here: Value, valid: Value, byte: Value):
        """Reads that are taken are answered, each once; one of the followed byte, any of them, with the byte."""
        owed, ahead = (
            Signal(range(ANSWERED + 1), name=f"{name}_owed"),
            Signal(range(ANSWERED + 1), name=f"{name}_ahead"),
        )
        quiet = Signal(range(ANSWERED + 1), name=f"{name}_quiet")
        chosen, begun, told = (Signal(name=f"{name}_{what}") for what in ("chosen", "begun", "told"))
        expected = Signal(8, name=f"{name}_expected")
        m.d.comb += chosen.eq(self.follow & taken & here & ~begun)
        with m.If(chosen):
            m.d.sync += [begun.eq(1), ahead.eq(owed - valid), expected.eq(self.byte)]
        due = begun & ~told & valid & (ahead == 0)
        with m.Elif(begun & valid & ~told):
            m.d.sync += [told.eq(ahead == 0), ahead.eq(ahead - 1)]
        m.d.sync += [
            owed.eq(owed + taken - valid),
            quiet.eq(Mux(taken, 0, Mux(quiet == ANSWERED, quiet, quiet + 1))),
            Assert(~valid | owed.any(), f"{name}: an answer nobody asked for"),
            Assert((quiet < ANSWERED) | ~owed.any(), f"{name}: no answer"),
            Assert(~due | (byte == expected), f"{name}: not what was written last"),
        ]
        m.d.comb += Cover(due & (byte == 0xA5))

    def on_local_bus(self, m: Module, kept: int | None = None) -> Value:
        """The local bus's writes and reads. Gives whether a request is taken.

        Parameters
        ----------
        kept:
            Bytes of a word that are stored; the others read 0.
        """
        request, payload = self.local.request, self.local.request.payload
        bus = self.config.bus_bytes
        beats = self.word_bytes // bus
        low, high = (bus - 1).bit_length(), self.word_shift
        word, beat = payload.address[high:], payload.address[low:high] if beats > 1 else Const(0)
        taken = Signal()
        m.d.comb += [
            taken.eq(request.valid & request.ready),
            Assume(~payload.address[:low].any() & (payload.address < self.words * self.word_bytes)),
            Assume(self.place < (kept or self.word_bytes)),
        ]
        strobe = payload.strobe << (beat * bus)
        self.write_of(m, taken & payload.write, word, strobe[: self.word_bytes], payload.data.replicate(beats))
        mine = (word == self.word) & (beat == self.place[low:] if beats > 1 else 1)
        at = self.place[:low]
        self.read_of(m, "bus", taken & ~payload.write, mine, self.local.valid, self.local.data.word_select(at, 8))
        return taken


class Activations(Watched):
    """Three users of port b, and the feeder, which announces its reads.

    ::

        writer, lines, local bus ──► ActivationMemory ──► answers to lines and local bus
                          feeder ──►
    """

    def __init__(self, config: Config = SMALL):
        members = {
            "a_soon": In(1),
            "a_line": In(range(LINES)),
            "write_soon": In(1),
            "write": In(ScatterWrite(config)),
            "lines": In(stream.Signature(LineRequest(config))),
        }
        super().__init__(LINES, config.line_bytes, members, config)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = ActivationMemory(self.config)
        self.steady(m)
        connect(m, flipped(self.local), memory.local)
        connect(m, flipped(self.lines), memory.lines)
        m.d.comb += [
            memory.write_soon.eq(self.write_soon),
            memory.write.eq(self.write),
            memory.a_soon.eq(self.a_soon),
            memory.a_even_line.eq(self.a_line),
            memory.a_odd_line.eq(self.a_line),
        ]
        announced = Signal()
        m.d.sync += [memory.a_read.eq(self.a_soon), announced.eq(self.write_soon)]
        m.d.comb += Assume(self.write.valid == announced)
        write = self.write
        upper = self.place >= self.word_bytes // 2
        self.write_of(m, write.valid, Mux(upper, write.odd_line, write.even_line), write.strobe, write.data)
        lines_taken, line = Signal(), Signal.like(self.lines.payload)  # as of the cycle in which the memory sees them
        m.d.sync += [lines_taken.eq(self.lines.valid & self.lines.ready), line.eq(self.lines.payload)]
        everything = line.write.replicate(self.word_bytes)
        self.write_of(m, lines_taken, line.line, everything, line.data)
        if self.config.elementwise:
            byte, comes = memory.line_data.word_select(self.place, 8), Signal()
            m.d.sync += comes.eq(memory.line_soon)
            self.read_of(m, "lines", lines_taken & ~line.write, line.line == self.word, comes, byte)
        else:
            m.d.comb += Assume(~self.lines.valid)
        bus_taken = self.on_local_bus(m)
        m.d.sync += Assert(write.valid + lines_taken + bus_taken <= 1, "two at one port")
        return m


class Weights(Watched):
    """The array's reads, tile by tile, and the local bus.

    Parameters
    ----------
    announced:
        The memory is told before a read; else the proof must fail.
    """

    def __init__(self, config: Config = SMALL, *, announced: bool = True):
        self.announced = announced
        members = {"start": In(1), "rebase": In(1), "base": In(range(WORDS))}
        super().__init__(WORDS, config.weight_word_bytes, members, config)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = WeightMemory(self.config)
        m.submodules.reader = reader = WeightReader(self.config)
        self.steady(m)
        connect(m, flipped(self.local), memory.local)
        m.d.sync += reader.start.eq(self.start)
        m.d.comb += [
            reader.start_soon.eq(self.start),
            reader.rebase.eq(self.rebase),
            reader.base.eq(self.base),
            memory.soon.eq(reader.soon if self.announced else 0),
            memory.read.eq(reader.read),
            memory.address.eq(reader.address),
        ]
        taken, here = self.on_local_bus(m), reader.address == self.word
        request = self.local.request.payload
        stored = Signal()  # in this cycle: what the bus was granted in the one before
        m.d.sync += stored.eq(taken & request.write & (request.address[self.word_shift :] == self.word))
        m.d.comb += Assume(~(reader.read & here & stored))
        comes = delay(m, reader.read, weight_latency(self.config), "comes")
        byte = memory.weights.as_value().word_select(self.place, 8)
        self.read_of(m, "array", reader.read, here, comes, byte)
        return m


class Parameters(Watched):
    """The prefetcher's reads, in cycles in which it is busy, and the local bus."""

    def __init__(self, config: Config = SMALL):
        members = {"busy": In(1), "fetch": In(1), "address": In(range(config.parameter_records))}
        super().__init__(config.parameter_records, PARAMETER_BYTES, members, config)

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = ParameterMemory(self.config)
        self.steady(m)
        connect(m, flipped(self.local), memory.local)
        m.d.comb += [
            Assume(~self.fetch | self.busy),
            memory.busy.eq(self.busy),
            memory.read.eq(self.fetch),
            memory.address.eq(self.address),
        ]
        taken = self.on_local_bus(m, kept=KEPT)
        way = memory_way(self.config)  # so much later than others the prefetcher is at the memory
        fetch = delay(m, self.fetch, way, "fetch")
        here = delay(m, self.address == self.word, way, "here")
        request = self.local.request.payload
        stored = taken & request.write & (request.address[self.word_shift :] == self.word)
        m.d.comb += Assume(~(fetch & here & stored))
        comes = delay(m, self.fetch, record_latency(self.config), "comes")
        # Its last two bytes lack a bit each, which records do not have.
        byte = memory.record.as_value().word_select(self.place, 8)
        self.read_of(m, "prefetcher", fetch, here & (self.place < KEPT - 2), comes, byte)
        return m


APART = SMALL.replace(overlap=False, elementwise=False)
DESIGNS = {
    "activations": (lambda: Activations(), None),
    "activations, in turns": (lambda: Activations(APART), ICE40),
    "weights": (lambda: Weights(), None),
    "weights, in turns": (lambda: Weights(APART), ICE40),
    "parameters": (lambda: Parameters(), None),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_users_of_a_memory_are_served_one_at_a_time(name, tmp_path):
    make, platform = DESIGNS[name]
    check(make(), tmp_path, depth=DEPTH, platform=platform)


@pytest.mark.parametrize("name", DESIGNS)
def test_the_proof_reaches_answers_for_all(name, tmp_path):
    make, platform = DESIGNS[name]
    reach(make(), tmp_path, depth=DEPTH, platform=platform)


def test_the_proof_notices_a_read_that_was_not_announced(tmp_path):
    with pytest.raises(AssertionError, match="not proved"):
        check(Weights(announced=False), tmp_path, depth=DEPTH)
