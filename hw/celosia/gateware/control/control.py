# SPDX-License-Identifier: Apache-2.0
"""Everything of a core that is not datapath: control bus, sequencer, DMA, program memory."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import Engine, Space
from ...arch.registers import Status, control_address_bits
from ...arch.timing.conv import memory_way
from ..interfaces import AXI4, AXI4Lite, EngineSignature, LocalBus, local_request
from .axi_lite import ControlBus
from .buffer import StreamBuffer
from .counters import Counters
from .dma import Dma
from .local_bus import LocalArbiter, LocalSplit
from .program_memory import ProgramMemory
from .sequencer import Sequencer

__all__ = ["Control"]


class Control(Component):
    """The control side of a core.

    ::

        bus ──► ControlBus ─┬─ start, registers ─► Sequencer ─┬─────────────────► conv, elementwise
                   ▲        │                       │   ▲     └─ load, store ─► Dma ◄──► memory
                   │        │ window         fetch  │   │ finished, errors        │
              Counters      ▼                       ▼   │                         │
                       LocalArbiter ◄─────────── ProgramMemory ◄─┐                │
                            ▲  └─► LocalSplit ───────────────────┴─► weights, activations, parameters
                            └─────────────────────────────────────────────────────┘

    Without external memory there is no DMA, and the windows have the local bus to themselves.

    The memories on ``weights``, ``activations`` and ``parameters`` are not to be reset by
    ``reset_engines``. A write they have taken must be visible to whatever an engine reads two or more cycles later.

    Members
    -------
    bus:
        The control bus.
    memory:
        The external bus.
    interrupt, trace_started, trace_finished:
        As the core's.
    conv, elementwise:
        Those engines.
    weights, activations, parameters:
        Those memories.
    reset_engines:
        Resets the datapath's engines while high, a cycle later than the DMA's.
    vector_issued:
        The feeder issues a vector in this cycle: VECTORS counts it, and it is progress.
    progress:
        Anything else that is progress to the watchdog.
    """

    bus: "AXI4Lite"
    memory: "AXI4"
    interrupt: Signal
    trace_started: Signal
    trace_finished: Signal
    conv: "EngineSignature"
    elementwise: "EngineSignature"
    weights: "LocalBus"
    activations: "LocalBus"
    parameters: "LocalBus"
    reset_engines: Signal
    vector_issued: Signal
    progress: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "bus": In(AXI4Lite(control_address_bits(config))),
                "memory": Out(AXI4(config.address_bits, config.bus_bits)),
                "interrupt": Out(1),
                "trace_started": Out(len(Engine)),
                "trace_finished": Out(len(Engine)),
                "conv": Out(EngineSignature()),
                "elementwise": Out(EngineSignature()),
                "weights": Out(LocalBus(config)),
                "activations": Out(LocalBus(config)),
                "parameters": Out(LocalBus(config)),
                "reset_engines": Out(1),
                "vector_issued": In(1),
                "progress": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.control_bus = control = ControlBus(self.config)
        m.submodules.sequencer = sequencer = Sequencer(self.config)
        m.submodules.dma = dma = Dma(self.config)
        m.submodules.counters = counters = Counters(self.config)
        connect(m, flipped(self.bus), control.bus)
        connect(m, dma.memory, flipped(self.memory))
        connect(m, sequencer.load, dma.load)
        connect(m, sequencer.store, dma.store)
        connect(m, sequencer.conv, flipped(self.conv))
        connect(m, sequencer.elementwise, flipped(self.elementwise))
        self._memories(m, control, sequencer, dma)
        follows = sequencer.starts | sequencer.resets  # the status is about to change
        m.d.comb += [
            sequencer.start.eq(control.start),
            sequencer.start_index.eq(control.start_index),
            sequencer.reset.eq(control.reset),
            sequencer.timeout.eq(control.timeout),
            sequencer.load_error.eq(dma.load_error),
            sequencer.load_cause.eq(dma.load_cause),
            sequencer.store_error.eq(dma.store_error),
            sequencer.store_cause.eq(dma.store_cause),
            sequencer.progress.eq(self.vector_issued | self.progress | dma.progress),
            sequencer.draining.eq(dma.draining),
            dma.external_base.eq(control.external_base),
            dma.external_size.eq(control.external_size),
            dma.abort.eq(sequencer.reset_engines),
            counters.clear.eq(control.reset | follows),
            counters.running.eq(sequencer.running),
            counters.vector.eq(self.vector_issued),
            counters.waiting.eq(sequencer.waiting),
            counters.busy.eq(Cat(getattr(sequencer, engine.name.lower()).busy for engine in Engine)),
            control.counts.eq(counters.counts),
            control.cause.eq(sequencer.cause),
            control.index.eq(sequencer.index),
            control.stopped.eq(sequencer.stopped),
            self.interrupt.eq(control.interrupt),
            self.trace_started.eq(sequencer.trace_started),
            self.trace_finished.eq(sequencer.trace_finished),
        ]
        m.d.sync += self.reset_engines.eq(sequencer.reset_engines)  # from where it goes far
        flags = {
            Status.RUNNING: sequencer.starts | (sequencer.running & ~follows),
            Status.DONE: sequencer.done & ~follows,
            Status.ERROR: sequencer.error & ~follows,
            Status.DRAINING: dma.draining,
        }
        for flag, value in flags.items():
            m.d.comb += control.status[flag.bit_length() - 1].eq(value)
        return m

    def _alone(self, m: Module, window: LocalBus, memories: LocalBus):
        """The windows' way to the memories, which nobody shares; a buffer on it where it is long."""
        if not memory_way(self.config):
            connect(m, window, memories)
            return
        m.submodules.window = buffer = StreamBuffer(local_request(self.config))
        connect(m, window.request, buffer.i)
        connect(m, buffer.o, memories.request)
        m.d.comb += [window.valid.eq(memories.valid), window.data.eq(memories.data)]

    def _memories(self, m: Module, control: ControlBus, sequencer: Sequencer, dma: Dma):
        """The local bus from its users to the memories, and the program memory's fetch port."""
        m.submodules.split = split = LocalSplit(self.config)
        m.submodules.program = program = ProgramMemory(self.config)
        if self.config.external:
            m.submodules.arbiter = arbiter = LocalArbiter(self.config)
            connect(m, control.local, arbiter.window)
            connect(m, dma.load_local, arbiter.load)
            connect(m, dma.store_local, arbiter.store)
            connect(m, arbiter.memories, split.initiator)
            m.d.comb += dma.load_pending.eq(arbiter.load_pending)
        else:
            self._alone(m, control.local, split.initiator)
        connect(m, split.program, program.local)
        for space in (Space.WEIGHTS, Space.ACTIVATIONS, Space.PARAMETERS):
            connect(m, getattr(split, space.name.lower()), flipped(getattr(self, space.name.lower())))
        m.d.comb += [
            program.fetch.eq(sequencer.read),
            program.busy.eq(sequencer.read_busy),
            program.fetch_address.eq(sequencer.address),
            sequencer.word.eq(program.fetch_data),
        ]
