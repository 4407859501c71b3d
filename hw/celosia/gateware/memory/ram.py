# SPDX-License-Identifier: Apache-2.0
"""The one kind of block RAM everything is built from, and its port on the local bus."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delay
from ..interfaces import LocalBus

__all__ = ["READ_LATENCY", "LocalPort", "Ram"]

READ_LATENCY = 2
"""Cycles from an address to its data: the memory's own register and its output register."""


class Ram(Component):
    """A memory with a read port ``a`` for the computation and a read-write port ``b`` for everything else.

    In a cycle in which ``a_read`` (``b_read``) is high, the port takes an address and gives the word there
    :data:`READ_LATENCY` cycles later, through an output register (block RAM is slow without). Bytes whose bit is
    set in ``b_write`` are written at the end of the cycle. Reading a word on either port in the cycle in which it is
    written gives undefined data: users keep them apart.

    Parameters
    ----------
    words, word_bytes:
        Depth, and bytes of a word.
    """

    def __init__(self, words: int, word_bytes: int):
        self.words, self.word_bytes = words, word_bytes
        address = range(words)
        super().__init__(
            {
                "a_read": In(1),
                "a_address": In(address),
                "a_data": Out(8 * word_bytes),
                "b_read": In(1),
                "b_address": In(address),
                "b_write": In(word_bytes),
                "b_write_data": In(8 * word_bytes),
                "b_data": Out(8 * word_bytes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=unsigned(8 * self.word_bytes), depth=self.words, init=[])
        write = memory.write_port(granularity=8)
        m.d.comb += [
            write.addr.eq(self.b_address),
            write.en.eq(self.b_write),
            write.data.eq(self.b_write_data),
        ]
        for name, enable, address, out in (
            ("a", self.a_read, self.a_address, self.a_data),
            ("b", self.b_read, self.b_address, self.b_data),
        ):
            port = memory.read_port()
            m.d.comb += [port.en.eq(enable), port.addr.eq(address)]
            with m.If(delay(m, enable, 1, f"{name}_was_read")):
                m.d.sync += out.eq(port.data)
        return m


class LocalPort(Component):
    """Turns local bus requests into accesses of one wide word.

    A beat is placed into (or cut out of) the word it falls into. Requests are accepted while ``ready`` is
    high and leave, registered, a cycle later; the answer to a read is expected ``read_cycles`` cycles after
    that on ``read_data``.

    Members
    -------
    bus:
        The local bus, as its target.
    ready:
        Whether a request can be taken in this cycle.
    word, read, write, write_data:
        The registered access: word index, whether it is a read, byte write enables, the word to write.
    read_data:
        The whole word read.
    """

    def __init__(self, config: Config, *, words: int, word_bytes: int, read_cycles: int = READ_LATENCY):
        self.config, self.word_bytes, self.read_cycles = config, word_bytes, read_cycles
        super().__init__(
            {
                "bus": In(LocalBus(config)),
                "ready": In(1, init=1),
                "word": Out(range(words)),
                "read": Out(1),
                "write": Out(word_bytes),
                "write_data": Out(8 * word_bytes),
                "read_data": In(8 * word_bytes),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus_bytes = self.config.bus_bytes
        beats = self.word_bytes // bus_bytes
        request = self.bus.request
        address = request.payload.address
        low = (bus_bytes - 1).bit_length()
        high = (self.word_bytes - 1).bit_length()
        beat = address[low:high] if beats > 1 else 0
        read_beat = Signal(range(max(beats, 2)))
        m.d.comb += request.ready.eq(self.ready)
        m.d.sync += [self.write.eq(0), self.read.eq(0)]
        with m.If(request.valid & self.ready):
            m.d.sync += [
                self.word.eq(address[high:]),
                self.write_data.eq(Cat(request.payload.data for _ in range(beats))),
                self.read.eq(~request.payload.write),
                read_beat.eq(beat),
            ]
            with m.If(request.payload.write):
                for i in range(beats):
                    with m.If(beat == i):
                        m.d.sync += self.write[i * bus_bytes : (i + 1) * bus_bytes].eq(request.payload.strobe)
        last_beat = delay(m, read_beat, self.read_cycles, "read_beat")
        m.d.comb += [
            self.bus.valid.eq(delay(m, self.read, self.read_cycles, "reading")),
            self.bus.data.eq(self.read_data.word_select(last_beat, self.config.bus_bits)),
        ]
        return m
