# SPDX-License-Identifier: Apache-2.0
"""Runs a program: dispatches its commands when what they wait for has finished, and stops on errors."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, enum
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import Engine, ErrorCause, Opcode
from ..counter import count
from ..delay import delay
from ..interfaces import EngineSignature
from .fetch import Fetch
from .fetch_in_place import FetchInPlace
from .program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY
from .watchdog import Watchdog

__all__ = ["CLEAN_CYCLES", "ENGINE_OF", "Sequencer"]

ENGINE_OF = {
    Opcode.LOAD: Engine.LOAD,
    Opcode.STORE: Engine.STORE,
    Opcode.CONV: Engine.CONV,
    Opcode.DEPTHWISE: Engine.CONV,
    Opcode.ADD: Engine.ELEMENTWISE,
}
"""Where commands go; the others are the sequencer's own."""

CLEAN_CYCLES = FETCH_LATENCY + 1
"""Cycles ``reset_engines`` is high: before a start, after an error and on reset. For so long the fetch has to rest
before it begins anew."""


class _State(enum.Enum, shape=3):
    """One bit each: running is asked for everywhere."""

    IDLE = 1
    CLEAN = 2
    RUN = 4


class Sequencer(Component):
    """Fetches, checks, waits, dispatches, and knows how it ended.

    ::

        program memory ─► Fetch ─► check, compare waits ─► dispatch ─► load, store, conv, elementwise
                                        ▲ finished counts ◄───────────── finished

    A command that is there is dispatched two cycles after the ``finished`` it waited for last, and so does END end the
    program when its waits are met and all engines have finished everything. Without ``config.overlap`` the payload an
    engine took stays there until the engine has finished it.

    Members
    -------
    start, start_index:
        A pulse begins the program at a command; ignored while ``running``, unless ``reset`` comes with it.
    reset:
        A pulse forgets program, result and error.
    timeout:
        Cycles without a dispatch, a ``finished`` or ``progress`` that are an error, 0 for never; at most 5 more
        pass until the program stops.
    read, read_busy, address, word:
        The program memory's fetch port; ``read_busy`` is high in every cycle with ``read``, and known early.
    load, store, conv, elementwise:
        The engines, named as in :class:`celosia.arch.isa.Engine`.
    load_error, load_cause, store_error, store_cause:
        Pulses of the engines that can fail.
    progress:
        Something moved.
    draining:
        An engine is still busy with what it was told to give up; a program does not begin before it is done.
    reset_engines:
        Returns every engine to idle: high for :data:`CLEAN_CYCLES`, a register.
    running, done, error:
        At most one is high.
    cause, index:
        Of the error: the command that an engine, or the sequencer, could not carry out. For TIMEOUT that is
        the command last taken up by the first engine (in the order of ``Engine``) that has not finished, else
        the one that waits.
    starts, resets:
        A start or a reset has been taken up; the above follow in the next cycle.
    stopped:
        Pulses with the first cycle of ``done`` or ``error``.
    waiting:
        High in a cycle in which a command waits for others.
    trace_started, trace_finished:
        A bit an engine: takes up a command, has finished one, in this cycle.
    """

    start: Signal
    start_index: Signal
    reset: Signal
    timeout: Signal
    read: Signal
    read_busy: Signal
    address: Signal
    word: Signal
    load: "EngineSignature"
    store: "EngineSignature"
    conv: "EngineSignature"
    elementwise: "EngineSignature"
    load_error: Signal
    load_cause: "data.View"
    store_error: Signal
    store_cause: "data.View"
    progress: Signal
    draining: Signal
    reset_engines: Signal
    running: Signal
    done: Signal
    error: Signal
    cause: "data.View"
    index: Signal
    starts: Signal
    resets: Signal
    stopped: Signal
    waiting: Signal
    trace_started: Signal
    trace_finished: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "start_index": In(32),
                "reset": In(1),
                "timeout": In(32),
                "read": Out(1),
                "read_busy": Out(1),
                "address": Out(range(config.program_commands * COMMAND_WORDS)),
                "word": In(FETCH_BITS),
                **{engine.name.lower(): Out(EngineSignature()) for engine in Engine},
                "load_error": In(1),
                "load_cause": In(ErrorCause),
                "store_error": In(1),
                "store_cause": In(ErrorCause),
                "progress": In(1),
                "draining": In(1),
                "reset_engines": Out(1),
                "running": Out(1),
                "done": Out(1),
                "error": Out(1),
                "cause": Out(ErrorCause),
                "index": Out(16),
                "starts": Out(1),
                "resets": Out(1),
                "stopped": Out(1),
                "waiting": Out(1),
                "trace_started": Out(len(Engine)),
                "trace_finished": Out(len(Engine)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.fetch = fetch = (Fetch if self.config.overlap else FetchInPlace)(self.config)
        self._state = state = Signal(_State, init=_State.IDLE)
        self._run = state.as_value()[2]
        self._fetching = Signal()  # and the cycle before: the engines are ready sooner than a command can be there
        self._first = Signal(range(self.config.program_commands + 1))
        m.d.comb += [
            fetch.run.eq(self._fetching),
            fetch.run_soon.eq(self.reset_engines),
            fetch.start.eq(self._first),
            self.read.eq(fetch.read),
            self.read_busy.eq(fetch.busy),
            self.address.eq(fetch.address),
            fetch.word.eq(self.word),
        ]
        self._count_commands(m)
        checked = self._check(m, fetch)
        self._dispatch(m, fetch, checked)
        self._end(m, fetch, checked)
        return m

    def _count_commands(self, m: Module):
        """Per engine: commands finished, modulo 256, those that are under way, and whether there are such.

        Without overlap nothing is counted: no command is looked at while another is under way.
        """
        self._finished = [Signal(8, name=f"finished_{e.name.lower()}") for e in Engine]
        self._unfinished = Signal(len(Engine))
        for engine, finished in zip(Engine, self._finished, strict=True):
            port = getattr(self, engine.name.lower())
            started = port.command.valid & port.command.ready
            m.d.comb += [
                self.trace_started[engine].eq(started & self._run),
                self.trace_finished[engine].eq(port.finished & self._run),
            ]
            if not self.config.overlap:
                continue
            under_way = Signal(8, name=f"under_way_{engine.name.lower()}")
            with m.If(~self._run):
                m.d.sync += [finished.eq(0), under_way.eq(0), self._unfinished[engine].eq(0)]
            with m.Else():
                m.d.sync += finished.eq(finished + port.finished)
                count(m, under_way, self._unfinished[engine], down=port.finished, up=started)

    def _check(self, m: Module, fetch: Fetch) -> "_Checked":
        """A register stage: what can be done with the command in ``fetch.o``."""
        checked, fetched, header = _Checked(), fetch.o.payload, fetch.o.payload.command.header
        kind = dict(zip(Opcode, fetched.kind, strict=True))
        met = []
        for engine, finished in zip(Engine, self._finished, strict=True):
            ahead = (finished - getattr(header, f"wait_{engine.name.lower()}"))[:8]
            met.append(~ahead[7] if self.config.overlap else Const(1, 1))
        self._working = Signal()  # without overlap: an engine has the command
        there = self._run & fetch.o.valid & ~self._working
        fine = there & fetched.kind.any() & ~fetched.overrun
        go = fine & Cat(met).all()
        for engine in Engine:
            its = Cat(kind[opcode] for opcode, to in ENGINE_OF.items() if to is engine)
            m.d.sync += checked.offer[engine].eq(go & its.any())
        m.d.sync += [
            checked.sync.eq(go & kind[Opcode.SYNC]),
            checked.end.eq(go & kind[Opcode.END]),
            checked.illegal.eq(there & ~fetched.kind.any() & ~fetched.overrun),
            checked.overrun.eq(there & fetched.overrun),
            self.waiting.eq(fine & ~Cat(met).all()),
        ]
        return checked

    def _dispatch(self, m: Module, fetch: Fetch, checked: "_Checked"):
        """Hand the command over; remember which one each engine has."""
        ready = Cat(getattr(self, engine.name.lower()).command.ready for engine in Engine)
        taken = (checked.offer & ready).any()
        gone = Signal()  # what is checked is the command that left, or went to an engine, in the cycle before
        if self.config.overlap:
            m.d.comb += fetch.o.ready.eq((taken | checked.sync) & ~gone)
            m.d.sync += gone.eq(fetch.o.ready & fetch.o.valid)
        else:  # it stays where it is, for the engine to read, until that has finished
            finished = Cat(getattr(self, engine.name.lower()).finished for engine in Engine).any()
            m.d.comb += fetch.o.ready.eq((self._working & finished) | (checked.sync & ~gone))
            m.d.sync += [
                gone.eq((taken | checked.sync) & ~gone),
                self._working.eq(self._run & ((taken & ~gone) | (self._working & ~finished))),
            ]
        # Which one it is, is noted a cycle late: early enough for any error.
        started, index = delay(m, self.trace_started, 1, "started"), delay(m, fetch.o.payload.index, 1, "index")
        self._records = [Signal(16, name=f"index_{e.name.lower()}") for e in Engine]
        for engine, record in zip(Engine, self._records, strict=True):
            command = getattr(self, engine.name.lower()).command
            m.d.comb += [
                command.valid.eq(checked.offer[engine] & ~gone),
                command.payload.eq(fetch.o.payload.command),
            ]
            if self.config.overlap:
                with m.If(started[engine]):
                    m.d.sync += record.eq(index)
            else:
                m.d.comb += record.eq(fetch.o.payload.index)

    def _end(self, m: Module, fetch: Fetch, checked: "_Checked"):
        """Start, stop, and why."""
        state, run = self._state, self._run
        expired = Signal()
        if self.config.may_hang:
            m.submodules.watchdog = watchdog = Watchdog()
            m.d.comb += [
                watchdog.run.eq(self.running),
                watchdog.timeout.eq(self.timeout),
                watchdog.alive.eq(self.progress | Cat(self.trace_started, self.trace_finished).any()),
                expired.eq(watchdog.expired),
            ]
        waits = fetch.o.payload.index
        hung = waits
        for engine in reversed(Engine):
            hung = Mux(self._unfinished[engine], self._records[engine], hung)
        faults = [
            (run & self.load_error, self.load_cause.as_value(), self._records[Engine.LOAD]),
            (run & self.store_error, self.store_cause.as_value(), self._records[Engine.STORE]),
            (run & checked.overrun, ErrorCause.PROGRAM_OVERRUN.value, waits),
            (run & checked.illegal, ErrorCause.ILLEGAL_COMMAND.value, waits),
            (expired, ErrorCause.TIMEOUT.value, hung),
        ]
        fault, cause, index = Const(0, 1), Const(0, 8), Const(0, 16)
        for hit, why, where in reversed(faults):
            fault, cause, index = fault | hit, Mux(hit, why, cause), Mux(hit, where, index)
        done, resets, starts = Signal(), self.resets, self.starts
        m.d.sync += [resets.eq(self.reset), starts.eq(self.start & (~self.running | self.reset))]
        # What ends or stops a program is looked at a cycle late: it reaches far, and comes from far.
        faulty, why, where = Signal(), Signal(ErrorCause), Signal(16)
        goes_on = ~done & ~faulty & ~resets & ~starts
        m.d.sync += [
            done.eq(run & checked.end & ~self._unfinished.any() & goes_on),
            faulty.eq(fault & self.running & ~resets & ~starts),
            why.as_value().eq(cause),
            where.eq(index),
        ]

        clean = Signal(range(CLEAN_CYCLES))
        m.d.sync += self.stopped.eq(0)
        with m.If(state.as_value()[1]):
            m.d.sync += clean.eq(clean + 1)
            with m.If(clean == CLEAN_CYCLES - 1):
                m.d.sync += [self.reset_engines.eq(0), self._fetching.eq(self.running)]
            with m.If(~self.reset_engines & ~self.draining):
                m.d.sync += state.eq(Mux(self.running, _State.RUN, _State.IDLE))
        stop = self.running & faulty
        with m.If(stop | done):
            m.d.sync += [
                self.running.eq(0), self.done.eq(~stop), self.error.eq(stop),
                self.cause.eq(Mux(stop, why, ErrorCause.NONE)), self.index.eq(Mux(stop, where, 0)), self.stopped.eq(1),
            ]  # fmt: skip
            m.d.sync += [state.eq(_State.IDLE), self._fetching.eq(0)]
        with m.If(self.start):  # the register may be written for the next program at once
            beyond = self.config.program_commands
            m.d.sync += self._first.eq(Mux(self.start_index >= beyond, beyond, self.start_index))
        with m.If(resets | starts):
            m.d.sync += [
                self.running.eq(starts), self.done.eq(0), self.error.eq(0),
                self.cause.as_value().eq(0), self.index.eq(0), self.stopped.eq(0),
            ]  # fmt: skip
        with m.If(stop | resets | starts):
            m.d.sync += [state.eq(_State.CLEAN), clean.eq(0), self.reset_engines.eq(1), self._fetching.eq(0)]


class _Checked:
    """What can be done with a command, known one cycle after it appeared or what it waited for has finished.

    At most one bit is high: offer it to an engine, pass SYNC, be at END, or stop because it is none.
    """

    def __init__(self):
        self.offer = Signal(len(Engine), name="checked_offer")
        self.sync, self.end = Signal(name="checked_sync"), Signal(name="checked_end")
        self.illegal, self.overrun = Signal(name="checked_illegal"), Signal(name="checked_overrun")
