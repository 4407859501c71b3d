# SPDX-License-Identifier: Apache-2.0
"""The convolution engine (dense and depthwise) and the element-wise engine around the lanes they share.

::

  command ─┬─► step walker ──► feeder ─┐
           │        │ start            ▼
           │        └► weights ─► systolic array ─► accumulators ─┐   one vector a cycle,
           ├─► parameters ── bias, scale ──────────────┴──────────┤   no flow control
           │                                                      ▼
           └─► writer ◄────────────── clamp ◄────────────────── lanes ◄─► element-wise engine
                  └─► activation memory ◄─────────────────────────────────────┘

The walker alone decides when a vector enters; from there everything moves every cycle and arrives a fixed
number of cycles later. Three readers of one command (walker, parameter prefetch, writer) each keep their
own copy, so commands follow each other without a drain between them.

A reset reaches what decides, and the marks that say what data are worth. It does not reach the data themselves, most
registers by far: what the array still holds has left it before anything new arrives.
"""

from amaranth.hdl import Cat, Module, ResetInserter, Signal, signed
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ..delay import delay, delay_constant, delays
from ..interfaces import EngineSignature
from ..memory.activations import LineRequest, ScatterWrite
from ..memory.parameters import Record
from .accumulators import Accumulators, Flags
from .array import SystolicArray
from .elementwise import Elementwise
from .feeder import Feeder
from .jobs import jobs_of
from .lanes import Lanes
from .output import Clamp, Writer
from .parameter_ring import ParameterRing
from .walker import StepWalker
from .weight_reader import WeightReader

__all__ = ["Datapath"]


class Datapath(Component):
    """Convolution engine and element-wise engine, without their memories.

    Members
    -------
    reset:
        High for two cycles or more: forget all commands, two cycles later.
    conv, elementwise:
        Commands from the sequencer.
    weight_soon, weight_read, weight_address, weights:
        The weight memory's port.
    parameter_busy, parameter_read, parameter_address, record:
        The parameter memory's port.
    read_soon, read, even_line, odd_line, even, odd; write_soon, write; lines, line_soon, line_data:
        The activation memory: the feeder's, the writer's and the element-wise engine's ports.
    vector_issued:
        The feeder issues a vector in this cycle.
    progress:
        Pulses while the element-wise engine's lines move.
    """

    def __init__(self, config: Config):
        self.config = config
        line = (config.activation_lines - 1).bit_length()
        word = 8 * config.activation_word_bytes
        super().__init__(
            {
                "reset": In(1),
                "conv": In(EngineSignature()),
                "elementwise": In(EngineSignature()),
                "weight_soon": Out(1),
                "weight_read": Out(1),
                "weight_address": Out(range(config.weight_words)),
                "weights": In(data.ArrayLayout(data.ArrayLayout(signed(8), config.columns), config.weight_rows)),
                "parameter_busy": Out(1),
                "parameter_read": Out(1),
                "parameter_address": Out(range(config.parameter_records)),
                "record": In(Record),
                "read_soon": Out(1),
                "read": Out(1),
                "even_line": Out(line),
                "odd_line": Out(line),
                "even": In(word),
                "odd": In(word),
                "write_soon": Out(1),
                "write": Out(ScatterWrite(config)),
                "lines": Out(stream.Signature(LineRequest(config))),
                "line_soon": In(1),
                "line_data": In(8 * config.line_bytes),
                "vector_issued": Out(1),
                "progress": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        # Two steps: it comes from far and goes to registers all over the chip.
        reset = delay(m, self.reset, 2, "reset")
        forgets = ResetInserter(reset)
        weights, parameters, walker = WeightReader(config), ParameterRing(config), StepWalker(config)
        accumulators, lanes, writer = Accumulators(config), Lanes(config), Writer(config)
        elementwise, late = Elementwise(config), Module()
        m.submodules.weight_reader = forgets(weights)
        m.submodules.parameter_ring = forgets(parameters)
        m.submodules.walker = forgets(walker)
        m.submodules.feeder = feeder = Feeder(config)
        m.submodules.array = array = SystolicArray(config)
        m.submodules.accumulators = forgets(accumulators)
        m.submodules.lanes = forgets(lanes)
        m.submodules.clamp = clamp = Clamp(config)
        m.submodules.writer = forgets(writer)
        m.submodules.elementwise_engine = forgets(elementwise)
        m.submodules.late = forgets(late)
        connect(m, flipped(self.elementwise), elementwise.engine)
        connect(m, elementwise.lines, flipped(self.lines))
        self._take_commands(m, late, walker, parameters, writer)

        # walker → feeder, weights → array
        flags = Signal(Flags)
        step = walker.step
        m.d.comb += [
            self.vector_issued.eq(walker.valid),
            flags.valid.eq(walker.valid & step.emit),
            flags.start.eq(walker.valid & step.start),
            flags.first.eq(step.first),
            flags.last.eq(step.last),
            flags.maximum.eq(step.maximum),
            walker.begun.eq(parameters.begun),
            feeder.valid.eq(walker.valid),
            feeder.step.eq(step),
            self.read_soon.eq(feeder.read_soon),
            self.read.eq(feeder.read),
            self.even_line.eq(feeder.even_line),
            self.odd_line.eq(feeder.odd_line),
            feeder.even.eq(self.even),
            feeder.odd.eq(self.odd),
            self.weight_soon.eq(weights.soon),
            self.weight_read.eq(weights.read),
            self.weight_address.eq(weights.address),
            self.parameter_busy.eq(parameters.busy),
            self.parameter_read.eq(parameters.read),
            self.parameter_address.eq(parameters.address),
            parameters.record.eq(self.record),
            array.activations.eq(feeder.activations),
            array.heads.eq(feeder.heads),
            array.flow.eq(delay_constant(late, config, step.flow, feeder.latency, "flow")),
            array.weights.eq(self.weights),
            array.swap.eq(delay(late, walker.valid & step.swap, feeder.latency, "swap")),
        ]
        ahead = feeder.latency - weights.latency - array.weight_lead
        *_, start_soon, start = delays(late, Cat(walker.valid & step.swap, step.rebase), ahead, "weight_start")
        m.d.comb += [
            weights.start_soon.eq(start_soon[0]),
            weights.start.eq(start[0]),
            weights.rebase.eq(start[1]),
            weights.base.eq(delay_constant(late, config, step.weight_base, ahead, "weight_base")),
        ]

        # array → accumulators → lanes → clamp → writer
        vector_cycles = feeder.latency + array.latency
        m.d.comb += [
            accumulators.flags.eq(delay(late, flags, vector_cycles - accumulators.lead, "flags")),
            accumulators.sums.eq(array.sums),
            accumulators.bias.eq(parameters.bias),
            parameters.next_bias.eq(accumulators.next_bias),
            parameters.next_scale.eq(accumulators.next_scale),
            parameters.done.eq(writer.plane_ends),
            lanes.totals.eq(accumulators.totals),
            lanes.valid.eq(accumulators.valid),
            lanes.soon.eq(accumulators.soon),
            lanes.scale.eq(parameters.scale),
            lanes.slot.eq(elementwise.slot),
            lanes.slot_kind.eq(elementwise.slot_kind),
            lanes.slot_scale.eq(elementwise.slot_scale),
            lanes.slot_valid.eq(elementwise.slot_valid),
            elementwise.slot_ready.eq(lanes.slot_ready),
            clamp.y.eq(lanes.y),
            writer.valid.eq(lanes.source.conv),
            writer.q.eq(clamp.q),
            self.write_soon.eq(writer.write_soon),
            self.write.eq(writer.write),
            elementwise.y.eq(lanes.y),
            elementwise.source_soon.eq(lanes.source_soon),
            elementwise.q.eq(clamp.q),
            elementwise.line_soon.eq(self.line_soon),
            elementwise.line_data.eq(self.line_data),
            clamp.range.eq(writer.range),
        ]
        m.d.sync += self.progress.eq(elementwise.lines.valid & elementwise.lines.ready)
        if config.elementwise:
            with m.If(~lanes.source.conv):
                m.d.comb += clamp.range.eq(elementwise.range)
        return m

    def _take_commands(self, m: Module, late: Module, walker: StepWalker, parameters: ParameterRing, writer: Writer):
        """Hands a command to its three readers at once, and counts the unfinished ones."""
        stream = self.conv.command
        # What comes of a command is worked out in the cycle before it is taken.
        ahead = int(self.config.overlap)
        walk, records, write = (
            delay(m, job, ahead, name, reset_less=True)
            for job, name in zip(jobs_of(m, self.config, stream.payload), ("walk", "records", "write"), strict=True)
        )
        everyone = Signal()
        ready = walker.job.ready & parameters.job.ready & writer.job.ready
        unfinished = Signal(8 if self.config.overlap else 1)
        # Each of them decides by what it takes whether it is ready again: a register parts the one from the other. A
        # command that waits is taken a cycle later, which matters only where a command has a few tiles.
        if self.config.overlap:
            late.d.sync += everyone.eq(ready & ~(stream.valid & everyone))
        else:
            m.d.comb += everyone.eq(ready)
        m.d.comb += [
            stream.ready.eq(everyone),
            walker.job.valid.eq(stream.valid & everyone),
            walker.job.payload.eq(walk),
            parameters.job.valid.eq(stream.valid & everyone),
            parameters.job.payload.eq(records),
            writer.job.valid.eq(stream.valid & everyone),
            writer.job.payload.eq(write),
            self.conv.finished.eq(writer.finished),
            self.conv.busy.eq(unfinished != 0),
        ]
        late.d.sync += unfinished.eq(unfinished + (stream.valid & everyone) - writer.finished)
