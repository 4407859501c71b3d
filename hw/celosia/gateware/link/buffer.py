# SPDX-License-Identifier: Apache-2.0
"""Where received frames wait: nobody sees a frame before all of it has proved right."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from ..memory.ram import SimpleRam

__all__ = ["LENGTH_BITS", "FrameBuffer"]

LENGTH_BITS = 8


class FrameBuffer(Component):
    """A ring of bytes that holds frames, each behind a byte that says how long it is.

    ::

               read                    start          write
                │                        │              │
        ────────┴─┬──────┬───┬─────┬─────┼──────┬───────┴──────────
                  │length│   frame …     │length│ frame … │   free
        ──────────┴──────┴───┴─────┴─────┴──────┴─────────┴────────

    A frame that comes in is invisible until it is committed; then its length goes into the byte that was kept free
    for it. Whoever fills the buffer leaves at least two cycles between writes, commits and drops.

    Parameters
    ----------
    depth:
        Bytes, a power of two.

    Members
    -------
    write, data:
        Appends a byte to the frame that comes in. Without room it is lost, and the frame will be dropped.
    commit, length:
        The frame is whole: offer it. Ignored if a byte was lost; then it is dropped.
    drop:
        Forget the frame that comes in.
    o:
        Lengths and frames, byte after byte; at most one byte in four cycles.
    """

    write: Signal
    data: Signal
    commit: Signal
    length: Signal
    drop: Signal
    o: "stream.Interface"

    def __init__(self, depth: int):
        if depth < 64 or depth & (depth - 1):
            raise ValueError(f"the buffer's depth must be a power of two of 64 bytes or more, not {depth!r}")
        self.depth = depth
        super().__init__(
            {
                "write": In(1),
                "data": In(8),
                "commit": In(1),
                "length": In(LENGTH_BITS),
                "drop": In(1),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = SimpleRam(self.depth, 8)
        address = range(self.depth)
        write, start, read = Signal(address, init=1), Signal(address), Signal(address)
        full, lost, advance = Signal(), Signal(), Signal()
        keep = Signal()
        m.d.comb += keep.eq(self.commit & ~full & ~lost)
        m.d.sync += [full.eq(write == read), advance.eq(0)]
        with m.If((self.write & ~full) | advance | keep):
            m.d.sync += write.eq(write + 1)
        with m.Elif(self.commit | self.drop):
            m.d.sync += [write.eq(start), advance.eq(1)]
        with m.If(keep):
            m.d.sync += start.eq(write)
        with m.If(self.commit | self.drop):
            m.d.sync += lost.eq(0)
        with m.Elif(self.write & full):
            m.d.sync += lost.eq(1)
        m.d.comb += [
            ram.write.eq((self.write & ~full) | keep),
            ram.write_address.eq(Mux(self.commit, start, write)),
            ram.write_data.eq(Mux(self.commit, self.length, self.data)),
        ]
        self._read(m, ram, read, start)
        return m

    def _read(self, m: Module, ram: SimpleRam, read, start):
        """A byte every four cycles: its address stands still while the memory answers."""
        there, beat = Signal(), Signal(2)
        assert ram.latency < (1 << len(beat))
        m.d.sync += [there.eq(read != start), beat.eq(beat + 1)]
        m.d.comb += [
            ram.read.eq(1),
            ram.read_address.eq(read),
            self.o.valid.eq(there & beat.all()),
            self.o.payload.eq(ram.data),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += read.eq(read + 1)
