# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE: strided copies between external and local memory, side by side with the computation."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, enum, fifo, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import ErrorCause, Transfer
from ..interfaces import AXI4, EngineSignature, LocalBus
from .buffer import StreamBuffer
from .bursts import Bursts, LocalWalker, burst_layout

__all__ = ["LOAD_BURSTS", "STORE_BURSTS", "Dma", "Load", "Store"]

LOAD_BURSTS = 32
"""Read bursts offered or under way at once: hides a latency of 30 cycles even from rows of one beat."""

STORE_BURSTS = 16
"""Write bursts offered or under way at once."""

STORE_BEATS = 32
"""Beats a STORE has read, or is reading, ahead of the external bus."""


class _State(enum.Enum, shape=2):
    IDLE = 0
    RUN = 1
    DRAIN = 2


def _read_beat(config: Config) -> data.StructLayout:
    return data.StructLayout({"data": config.bus_bits, "error": 1})


def _write_beat(config: Config) -> data.StructLayout:
    return data.StructLayout({"data": config.bus_bits, "write": 1, "last": 1})


class _Mover(Component):
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

    def _frame(self, m: Module, *, limit: int, bus_error, bus_cause: ErrorCause, complete, drained):
        """State machine and address sides.

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
        bursts, walker, state
        """
        m.submodules.bursts = bursts = Bursts(self.config, limit=limit)
        m.submodules.walker = walker = LocalWalker(self.config)
        state = Signal(_State)
        running = state == _State.RUN
        command = self.engine.command
        start = command.valid & command.ready
        failed = running & (bus_error | bursts.error)
        m.d.comb += [
            command.ready.eq((state == _State.IDLE) & ~self.abort),
            self.engine.busy.eq(state != _State.IDLE),
            self.draining.eq(state == _State.DRAIN),
            bursts.external_base.eq(self.external_base),
            bursts.external_size.eq(self.external_size),
            bursts.abort.eq(state == _State.DRAIN),
        ]
        for part in (bursts, walker):
            m.d.comb += [part.start.eq(start), part.transfer.eq(Transfer(command.payload.as_value()))]
        m.d.sync += [
            self.error.eq(failed & ~self.abort),
            self.cause.eq(Mux(bus_error, bus_cause, ErrorCause.OUT_OF_BOUNDS)),
        ]
        with m.Switch(state):
            with m.Case(_State.IDLE):
                with m.If(start):
                    m.d.sync += state.eq(_State.RUN)
            with m.Case(_State.RUN):
                with m.If(self.abort | failed):
                    m.d.sync += state.eq(_State.DRAIN)
                with m.Elif(complete & walker.done & bursts.exhausted & ~bursts.pending):
                    m.d.comb += self.engine.finished.eq(1)
                    m.d.sync += state.eq(_State.IDLE)
            with m.Case(_State.DRAIN):
                with m.If(drained & ~bursts.pending):
                    m.d.sync += state.eq(_State.IDLE)
        return bursts, walker, state

    def _hold(self, m: Module, state, want) -> Signal:
        """Offer a local request while ``want`` and a command runs; one that is already offered stays.

        Returns whether it stays from the cycle before.
        """
        held = Signal()
        request = self.local.request
        m.d.comb += request.valid.eq(want & ((state == _State.RUN) | held))
        m.d.sync += held.eq(request.valid & ~request.ready)
        return held


class Load(_Mover):
    """LOAD: external to local memory.

    ::

        bursts ───────────────────────────► AR
        R ──► buffer ──► local write
                ▲ walker: local address

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
        m.submodules.buffer = buffer = StreamBuffer(self.config.bus_bits)
        taken = self.r.valid & self.r.ready
        request = self.local.request
        bursts, walker, state = self._frame(
            m,
            limit=LOAD_BURSTS,
            bus_error=taken & self.r.payload.error,
            bus_cause=ErrorCause.BUS_READ,
            complete=~self.local_pending,
            drained=~buffer.o.valid,
        )
        connect(m, bursts.burst, flipped(self.ar))
        held = self._hold(m, state, buffer.o.valid)
        draining = state == _State.DRAIN
        m.d.comb += [
            buffer.i.valid.eq(self.r.valid),
            buffer.i.payload.eq(self.r.payload.data),
            self.r.ready.eq(buffer.i.ready),
            bursts.retired.eq(taken & self.r_last),
            request.payload.space.eq(walker.space),
            request.payload.address.eq(walker.address),
            request.payload.write.eq(1),
            request.payload.data.eq(buffer.o.payload),
            request.payload.strobe.eq(~Const(0, self.config.bus_bytes)),
            buffer.o.ready.eq(request.ready | (draining & ~held)),
            walker.step.eq(request.valid & request.ready),
            self.progress.eq(request.valid & request.ready),
        ]
        return m


class Store(_Mover):
    """STORE: local to external memory.

    ::

        bursts ───────────┬────────────────► AW
                          ├─► lengths ──┐
                          └─► granted   ▼
        walker ─► local read ─► beats ─► W
                                        B ─► retired

    Local memory is read for bursts that have been offered, as far as there is room for the answers. A beat may
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
        used = Signal(range(STORE_BEATS + 1))  # beats asked for and not yet taken from the FIFO
        bursts, walker, state = self._frame(
            m,
            limit=STORE_BURSTS,
            bus_error=self.b & self.b_error,
            bus_cause=ErrorCause.BUS_WRITE,
            complete=used == 0,
            drained=(used == 0) & ~self.local.request.valid,
        )
        connect(m, bursts.burst, flipped(self.aw))
        m.d.comb += bursts.retired.eq(self.b)
        self._read(m, bursts, walker, state, used, beats)
        self._write(m, bursts, state, beats)
        return m

    def _read(self, m: Module, bursts: Bursts, walker: LocalWalker, state, used: Signal, beats):
        """Ask the local memory for the beats of offered bursts; answers go to ``beats``."""
        request = self.local.request
        granted = Signal(range(STORE_BURSTS * 64 + 1))
        asked = request.valid & request.ready
        more = Mux(bursts.issued, bursts.issued_beats + 1, 0)
        self._hold(m, state, (granted != 0) & ~used[-1])
        with m.If(state == _State.IDLE):
            m.d.sync += granted.eq(0)
        with m.Else():
            m.d.sync += granted.eq(granted + more - asked)
        m.d.sync += used.eq(used + asked - (beats.r_rdy & beats.r_en))
        m.d.comb += [
            request.payload.space.eq(walker.space),
            request.payload.address.eq(walker.address),
            walker.step.eq(asked),
            beats.w_en.eq(self.local.valid),
            beats.w_data.eq(self.local.data),
        ]

    def _write(self, m: Module, bursts: Bursts, state, beats):
        """Send the beats, burst by burst."""
        m.submodules.lengths = lengths = fifo.SyncFIFO(width=len(bursts.issued_beats), depth=STORE_BURSTS)
        active, left = Signal(), Signal.like(bursts.issued_beats)
        draining = state == _State.DRAIN
        send, is_last = Signal(), left == 0
        m.d.comb += [
            lengths.w_en.eq(bursts.issued),
            lengths.w_data.eq(bursts.issued_beats),
            send.eq(active & (beats.r_rdy | draining) & (~self.w.valid | self.w.ready)),
            beats.r_en.eq(send | draining),
            lengths.r_en.eq(~active | (send & is_last)),
            self.progress.eq(self.w.valid & self.w.ready),
        ]
        with m.If(self.w.ready):
            m.d.sync += self.w.valid.eq(0)
        with m.If(send):
            m.d.sync += [
                self.w.valid.eq(1),
                self.w.payload.data.eq(beats.r_data),
                self.w.payload.write.eq(~draining),
                self.w.payload.last.eq(is_last),
                left.eq(left - 1),
            ]
        with m.If(lengths.r_en):
            m.d.sync += [active.eq(lengths.r_rdy), left.eq(lengths.r_data)]


class Dma(Component):
    """Both engines and the external bus they share.

    Members
    -------
    load, store:
        Commands.
    load_local, store_local:
        The local memories; ``load_pending`` see :class:`Load`.
    memory:
        The external bus. Reads and writes have nothing to do with each other; all transactions have ID 0,
        whole beats, incrementing addresses, at most 64 beats, never across 4 KiB.
    abort, external_base, external_size:
        For both engines (:class:`_Mover`).
    load_error, load_cause, store_error, store_cause, draining, progress:
        From either engine.
    """

    memory: "AXI4"
    load: "EngineSignature"
    store: "EngineSignature"
    load_local: "LocalBus"
    store_local: "LocalBus"
    load_pending: Signal
    external_base: Signal
    external_size: Signal
    abort: Signal
    load_error: Signal
    load_cause: "data.View"
    store_error: Signal
    store_cause: "data.View"
    draining: Signal
    progress: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "memory": Out(AXI4(config.address_bits, config.bus_bits)),
                "load": In(EngineSignature()),
                "store": In(EngineSignature()),
                "load_local": Out(LocalBus(config)),
                "store_local": Out(LocalBus(config)),
                "load_pending": In(1),
                "external_base": In(32),
                "external_size": In(32),
                "abort": In(1),
                "load_error": Out(1),
                "load_cause": Out(ErrorCause),
                "store_error": Out(1),
                "store_cause": Out(ErrorCause),
                "draining": Out(1),
                "progress": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.load = load = Load(self.config)
        m.submodules.store = store = Store(self.config)
        for name, engine in (("load", load), ("store", store)):
            connect(m, flipped(getattr(self, name)), engine.engine)
            connect(m, engine.local, flipped(getattr(self, f"{name}_local")))
            m.d.comb += [
                engine.external_base.eq(self.external_base),
                engine.external_size.eq(self.external_size),
                engine.abort.eq(self.abort),
                getattr(self, f"{name}_error").eq(engine.error),
                getattr(self, f"{name}_cause").eq(engine.cause),
            ]
        m.d.comb += [
            self.draining.eq(load.draining | store.draining),
            self.progress.eq(load.progress | store.progress),
            load.local_pending.eq(self.load_pending),
        ]
        self._address(m, "ar", load.ar)
        self._address(m, "aw", store.aw)
        memory = self.memory
        m.d.comb += [
            load.r.valid.eq(memory.rvalid),
            load.r.payload.data.eq(memory.rdata),
            load.r.payload.error.eq(memory.rresp[1]),
            load.r_last.eq(memory.rlast),
            memory.rready.eq(load.r.ready),
            memory.wvalid.eq(store.w.valid),
            memory.wdata.eq(store.w.payload.data),
            memory.wstrb.eq(store.w.payload.write.replicate(self.config.bus_bytes)),
            memory.wlast.eq(store.w.payload.last),
            store.w.ready.eq(memory.wready),
            memory.bready.eq(1),
            store.b.eq(memory.bvalid),
            store.b_error.eq(memory.bresp[1]),
        ]
        return m

    def _address(self, m: Module, channel: str, burst: stream.Interface):
        """One address channel: incrementing bursts of whole beats, bufferable, of a data access."""
        low = (self.config.bus_bytes - 1).bit_length()
        values = {
            "addr": Cat(Const(0, low), burst.payload.beat),
            "len": burst.payload.length,
            "size": low,
            "burst": 0b01,
            "cache": 0b0011,
            "valid": burst.valid,
        }
        for name, value in values.items():
            m.d.comb += getattr(self.memory, channel + name).eq(value)
        m.d.comb += burst.ready.eq(getattr(self.memory, f"{channel}ready"))
