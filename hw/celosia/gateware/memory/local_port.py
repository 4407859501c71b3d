# SPDX-License-Identifier: Apache-2.0
"""A memory's port on the local bus."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delay
from ..interfaces import LocalBus
from ..window import window

__all__ = ["LocalPort"]


class LocalPort(Component):
    """Turns local bus requests into accesses of one wide word.

    A beat is placed into (or cut out of) the word it falls into. Requests are accepted while ``ready`` is
    high and leave, registered, a cycle later; the answer to a read is expected ``read_cycles`` cycles after
    that on ``read_data``, and given ``way`` cycles after that: words of some memories come from all over the chip.

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

    def __init__(self, config: Config, *, words: int, word_bytes: int, read_cycles: int, way: int = 0):
        self.config, self.word_bytes, self.read_cycles, self.way = config, word_bytes, read_cycles, way
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
        taken = Signal()
        # Registers of data follow their inputs whether they are taken or not: so nothing needs to reach them in time.
        word, written = Signal.like(self.word, reset_less=True), Signal(self.config.bus_bits, reset_less=True)
        at_beat, strobe = Signal(range(max(beats, 2)), reset_less=True), Signal(bus_bytes, reset_less=True)
        writes = Signal()
        m.d.comb += [
            request.ready.eq(self.ready),
            taken.eq(request.valid & self.ready),
            self.word.eq(word),
            # Only whether it writes waits for ``taken``; where is worked out in the cycle in which it does.
            self.write.eq(Cat(Mux(writes & (at_beat == i), strobe, 0) for i in range(beats))),
            self.write_data.eq(written.replicate(beats)),
        ]
        m.d.sync += [
            word.eq(address[high:]),
            written.eq(request.payload.data),
            at_beat.eq(beat),
            strobe.eq(request.payload.strobe),
            self.read.eq(taken & ~request.payload.write),
            writes.eq(taken & request.payload.write),
        ]
        m.d.comb += [
            self.bus.valid.eq(delay(m, self.read, self.read_cycles + self.way, "reading")),
            self.bus.data.eq(self._answer(m, at_beat)),
        ]
        return m

    def _answer(self, m: Module, at_beat: Signal):
        """The beat that was asked for; on its way, the word is narrowed in front of every register."""
        value, place = self.read_data, delay(m, at_beat, self.read_cycles, "read_beat")
        for left in range(max(self.way, 1), 0, -1):
            keep = len(place) - -(-len(place) // left)
            unit = self.config.bus_bits << keep
            value = window(value, place[keep:], unit=unit, width=unit)
            place = place[:keep]
            if self.way:
                value = delay(m, value, 1, f"answer_{left}", reset_less=True)
                place = delay(m, place, 1, f"beat_{left}", reset_less=True)
        return value
