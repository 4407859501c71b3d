# SPDX-License-Identifier: Apache-2.0
"""STORE: local to external memory."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, fifo, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import ErrorCause
from ...counter import count
from ...queue import Queue
from ..buffer import TurnBuffer
from .bursts import BURST_BEATS, Bursts, burst_layout
from .mover import Mover

__all__ = ["STORE_BEATS", "STORE_BURSTS", "Store"]

STORE_BURSTS = 32
"""Write bursts offered or under way at once."""

STORE_BEATS = 32
"""Beats a STORE has read, or is reading, ahead of the external bus."""


def _write_beat(config: Config) -> data.StructLayout:
    return data.StructLayout({"data": config.bus_bits, "write": 1, "last": 1})


class Store(Mover):
    """STORE: local to external memory.

    ::

        bursts ──────────────┬─────────────► AW
          └─► granted        └─► lengths ─┐
                 ▼ credits                ▼
        places ─► local read ─► beats ─► W
                                        B ─► retired

    Local memory is read for bursts that have been made, as far as there is room for the answers. A beat may
    come before its burst's address has been taken, as AXI4 demands. When a command is given up, the rest of its
    bursts is sent with no byte enabled. ``finished`` comes with the last response.

    Members
    -------
    aw, w:
        The write half of the external bus; of ``w``, ``write`` enables all bytes.
    b, b_error:
        A response, always taken; whether it is an error.
    """

    aw: stream.Interface
    w: stream.Interface
    b: Signal
    b_error: Signal

    def __init__(self, config: Config):
        super().__init__(
            config,
            {
                "aw": Out(stream.Signature(burst_layout(config))),
                "w": Out(stream.Signature(_write_beat(config))),
                "b": In(1),
                "b_error": In(1),
            },
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.beats = beats = fifo.SyncFIFOBuffered(width=self.config.bus_bits, depth=STORE_BEATS)
        room = Signal(range(STORE_BEATS + 1), init=STORE_BEATS)  # for beats that are not asked for yet
        bursts = self.frame(
            m,
            limit=STORE_BURSTS,
            bus_error=self.b & self.b_error,
            bus_cause=ErrorCause.BUS_WRITE,
            complete=room[-1],
            drained=room[-1],
        )
        connect(m, bursts.burst, flipped(self.aw))
        m.d.comb += bursts.retired.eq(self.b)
        self._read(m, bursts, room, beats)
        self._write(m, bursts, beats)
        return m

    def _read(self, m: Module, bursts: Bursts, room: Signal, beats):
        """Ask the local memory for the beats of bursts that have been made; answers go to ``beats``."""
        request, asked = self.request, Signal()
        granted = Signal(range(-1, STORE_BURSTS * BURST_BEATS), init=-1)  # less one: a sign says that there are none
        more = Signal(range(-1, BURST_BEATS), init=-1)  # of a burst, less one
        # Only a few beats at a time may be asked for: the long count does not wait for the local bus.
        credits, credit, gives = Signal(range(3)), Signal(), Signal()
        some_room, frees = Signal(init=1), Signal()
        m.d.comb += [
            asked.eq(request.valid & request.ready),
            gives.eq(~granted[-1] & ~credits[-1]),
            beats.w_en.eq(self.local.valid),
            beats.w_data.eq(self.local.data),
        ]
        m.d.sync += [
            more.eq(Mux(bursts.made, bursts.length, -1)),
            granted.eq(granted + more + ~gives),
            frees.eq(beats.r_rdy & beats.r_en),  # a cycle late: it comes from where the bus is
        ]
        self.hold(m, credit & some_room)
        count(m, credits, credit, down=asked, up=gives)
        count(m, room, some_room, down=asked, up=frees)
        with m.If(self.idle):
            m.d.sync += [granted.eq(-1), credits.eq(0), credit.eq(0)]

    def _write(self, m: Module, bursts: Bursts, beats):
        """Send the beats, burst by burst."""
        length = bursts.burst.payload.length
        # Of a burst: beats after its first, and whether there are none.
        burst = data.StructLayout({"left": len(length), "is_last": 1})
        m.submodules.lengths = lengths = Queue(burst, STORE_BURSTS)
        m.submodules.out = out = TurnBuffer(_write_beat(self.config))
        connect(m, out.o, flipped(self.w))
        active, left = Signal(), Signal.like(length)
        send, is_last, load = Signal(), Signal(), Signal()
        m.d.comb += [
            lengths.push.eq(bursts.issued),
            lengths.i.left.eq(length),
            lengths.i.is_last.eq(length == 0),
            load.eq(~active | (send & is_last)),
            lengths.pop.eq(load & lengths.some),
            send.eq(active & (beats.r_rdy | self.draining) & out.i.ready),
            out.i.valid.eq(send),
            out.i.payload.data.eq(beats.r_data),
            out.i.payload.write.eq(~self.draining),
            out.i.payload.last.eq(is_last),
            beats.r_en.eq(send | self.draining),
        ]
        m.d.sync += self.progress.eq(self.w.valid & self.w.ready)
        with m.If(send):
            m.d.sync += [left.eq(left - 1), is_last.eq(left == 1)]
        with m.If(load):
            m.d.sync += [active.eq(lengths.some), left.eq(lengths.o.left), is_last.eq(lengths.o.is_last)]
