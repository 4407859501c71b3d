# SPDX-License-Identifier: Apache-2.0
"""What LOAD and STORE have in common: one command at a time, its address sides, and how it ends."""

from amaranth.hdl import Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import ErrorCause, Space, Transfer
from ....arch.registers import window_bits
from ...interfaces import EngineSignature, LocalBus, local_request
from ..buffer import StreamBuffer, TurnBuffer
from .bursts import Bursts, LocalWalker

__all__ = ["Mover"]


class Mover(Component):
    """What both engines have in common: one command at a time, its address sides, and how it ends.

    Members
    -------
    engine:
        Takes a command when idle. ``finished`` pulses when its data are where they belong.
    local:
        The local memories.
    external_base, external_size:
        What may be touched; steady while a command runs.
    abort:
        Give up the command: ask for nothing more, complete what has been asked for, take no command.
    error, cause:
        ``error`` pulses when a command fails; it is then given up like an aborted one.
    draining:
        A command has been given up and transactions of it are still under way.
    progress:
        Pulses with every beat.
    """

    engine: "EngineSignature"
    local: "LocalBus"
    external_base: Signal
    external_size: Signal
    abort: Signal
    error: Signal
    cause: "data.View"
    draining: Signal
    progress: Signal
    request: stream.Interface

    def __init__(self, config: Config, members: dict):
        self.config = config
        super().__init__(
            {
                "engine": In(EngineSignature()),
                "local": Out(LocalBus(config)),
                "external_base": In(32),
                "external_size": In(32),
                "abort": In(1),
                "error": Out(1),
                "cause": Out(ErrorCause),
                "draining": Out(1),
                "progress": Out(1),
                **members,
            }
        )

    def frame(self, m: Module, *, limit: int, bus_error, bus_cause: ErrorCause, complete, drained):
        """What a command goes through, and address sides.

        Parameters
        ----------
        limit:
            Bursts under way at once.
        bus_error, bus_cause:
            The external memory answers with an error in this cycle, and what to call that.
        complete:
            Of the command that runs, everything but bursts under way is done.
        drained:
            Nothing but bursts is under way.

        Returns
        -------
        bursts; what is asked of the local memories goes to ``self.request``, which has the place already;
        ``self.idle`` is high while there is no command, from a cycle after the last one on.
        """
        m.submodules.bursts = bursts = Bursts(self.config, limit=limit)
        m.submodules.walker = walker = LocalWalker(self.config)
        command, start, runs = self.engine.command, Signal(), Signal()
        self.idle, self._asks = Signal(init=1), Signal()
        m.d.comb += [
            start.eq(command.valid & command.ready),
            command.ready.eq(self.idle & ~self.abort),
            self.engine.busy.eq(runs | self.draining),
            bursts.external_base.eq(self.external_base),
            bursts.external_size.eq(self.external_size),
            bursts.abort.eq(self.draining),
        ]
        for part in (bursts, walker):
            m.d.comb += [
                part.idle.eq(self.idle),
                part.start.eq(start),
                part.transfer.eq(Transfer(command.payload.as_value())),
            ]
        waiting, offered = self._requests(m, walker)

        # What ends a command depends on much: most of it is a register before anything depends on it. That there is
        # none is known a cycle late: hundreds of registers wait for it.
        failed, sent, quiet, given_up = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [failed.eq(bus_error | bursts.error), given_up.eq(self.abort | self.error)]
        m.d.sync += [
            self.idle.eq(~(start | runs | self.draining)),
            runs.eq(start | (runs & ~given_up & ~self.engine.finished)),
            self.draining.eq((runs & given_up) | (self.draining & ~quiet)),
            self._asks.eq(start | (self._asks & ~failed & ~self.abort & ~self.engine.finished)),
            self.error.eq(self._asks & failed & ~self.abort),
            self.cause.eq(Mux(bus_error, bus_cause, ErrorCause.OUT_OF_BOUNDS)),
            sent.eq(runs & walker.done & ~waiting & bursts.exhausted),
            self.engine.finished.eq(
                self._asks & sent & complete & ~offered & ~bursts.pending & ~self.abort & ~self.engine.finished
            ),
            quiet.eq(self.draining & drained & ~offered & ~bursts.pending),
        ]
        return bursts

    def _requests(self, m: Module, walker: LocalWalker) -> tuple[Value, Value]:
        """The way from places to the local bus; returns whether places wait, and whether a request is offered."""
        # Places are worked out ahead: whoever takes one only tells a register. The first is there long before a beat.
        place = data.StructLayout({"space": Space, "address": window_bits(self.config)})
        m.submodules.places = places = ResetInserter(self.idle)(TurnBuffer(place))
        # The local bus is far away: what is asked of it is offered from here.
        m.submodules.offer = offer = StreamBuffer(local_request(self.config))
        connect(m, offer.o, flipped(self.local.request))
        self.request = request = offer.i
        m.d.comb += [
            places.i.valid.eq(~walker.done),
            places.i.payload.space.eq(walker.space),
            places.i.payload.address.eq(walker.address),
            walker.step.eq(places.i.ready & ~walker.done),
            request.payload.space.eq(places.o.payload.space),
            request.payload.address.eq(places.o.payload.address),
            places.o.ready.eq(request.valid & request.ready),
        ]
        return places.o.valid, offer.o.valid

    def hold(self, m: Module, want) -> Signal:
        """Offer a local request while ``want`` and a command runs that has not failed; one already offered stays.

        Returns whether it stays from the cycle before.
        """
        held, request = Signal(), self.request
        m.d.comb += request.valid.eq(want & (self._asks | held))
        m.d.sync += held.eq(request.valid & ~request.ready)
        return held
