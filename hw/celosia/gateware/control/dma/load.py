# SPDX-License-Identifier: Apache-2.0
"""LOAD: external to local memory."""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import ErrorCause
from .bursts import burst_layout
from .mover import Mover

__all__ = ["LOAD_BURSTS", "Load"]

LOAD_BURSTS = 32
"""Read bursts offered or under way at once: hides a latency of 30 cycles even from rows of one beat."""


def _read_beat(config: Config) -> data.StructLayout:
    return data.StructLayout({"data": config.bus_bits, "error": 1})


class Load(Mover):
    """LOAD: external to local memory.

    ::

        bursts ───────────────────────────► AR
        R ──► local write
                ▲ places

    ``finished`` comes when the last write has left the arbiter: it is visible to every other engine.

    Members
    -------
    ar, r:
        The read half of the external bus.
    local_pending:
        Requests handed to ``local`` have not all reached their memories yet.
    """

    ar: stream.Interface
    r: stream.Interface
    r_last: Signal
    local_pending: Signal

    def __init__(self, config: Config):
        super().__init__(
            config,
            {
                "ar": Out(stream.Signature(burst_layout(config))),
                "r": In(stream.Signature(_read_beat(config))),
                "r_last": In(1),
                "local_pending": In(1),
            },
        )

    def elaborate(self, platform):
        m = Module()
        bursts = self.frame(
            m,
            limit=LOAD_BURSTS,
            bus_error=self.r.valid & self.r.payload.error,  # whether it is taken yet or not
            bus_cause=ErrorCause.BUS_READ,
            complete=~self.local_pending,
            drained=1,
        )
        request = self.request
        connect(m, bursts.burst, flipped(self.ar))
        held = self.hold(m, self.r.valid & ~self.r.payload.error)
        m.d.comb += [
            self.r.ready.eq(request.ready | (self.draining & ~held)),
            request.payload.write.eq(1),
            request.payload.data.eq(self.r.payload.data),
            request.payload.strobe.eq(~Const(0, self.config.bus_bytes)),
        ]
        # Nobody is in a hurry to know of these.
        m.d.sync += [
            bursts.retired.eq(self.r.valid & self.r.ready & self.r_last),
            self.progress.eq(request.valid & request.ready),
        ]
        return m
