# SPDX-License-Identifier: Apache-2.0
"""The element-wise engine: the residual ADD on the lanes, beside the array's work.

::

   activation memory ─► line a ─┐ first, second
          ▲             line b ─┴► (− zero point) << left_shift ─► ┐
          │                                                        lanes ─► y ─┐
          │   sums that wait ◄── first + second ◄──────────────────────────────┤
          │         └──► out ────────────────────────────────────► ┘           │
          └── line of results ◄── clamp ◄──────────────────────────────────────┘

A value takes three lane slots: both inputs scaled to a common scale, and their sum scaled to the output. Sums
re-enter as soon as a slot is free; there are no passes and no drains between them, and any slot that a
convolution does not need will do.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, enum, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import ADD_LEFT_SHIFT, Add
from ...arch.timing.conv import clamp_latency
from ...arch.timing.elementwise import LINES, SUMS, slots_per_line
from ..counter import count
from ..delay import delay, delays
from ..interfaces import EngineSignature
from ..memory.activations import LineRequest
from ..memory.parameters import Scale
from ..queue import Queue
from .lanes import Source
from .output_range import OutputRange

__all__ = ["Elementwise", "Kind"]


class Kind(enum.Enum, shape=2):
    """What an element-wise lane slot carries."""

    FIRST = 0
    SECOND = 1
    OUT = 2


class _Moves(data.Struct):
    """What the data do for a decision, a cycle before its slot."""

    out: 1  # a sum leaves its queue
    load: 1  # a line of each input leaves its queue
    refill: 1  # and is taken up
    shift: 1  # or the current two move on by a slot of either


class _Decision(data.Struct):
    """What the slot after two more carries, and what the data do for it."""

    valid: 1
    kind: unsigned(2)
    scale: Scale
    zero_point: signed(8)
    moves: _Moves


class Elementwise(Component):
    """Runs ADD commands; nothing, and every output 0, in a core without them.

    Members
    -------
    engine:
        Commands from the sequencer, one at a time.
    lines, line_soon, line_data:
        The activation memory, whole lines; ``line_soon`` is high in the cycle before one with the line that was read.
    slot, slot_kind, slot_scale, slot_valid, slot_ready:
        To the lanes; valid only three cycles after one with ``slot_ready``.
    y, source_soon:
        From the lanes; ``source_soon`` is of the next cycle's ``y``.
    range, q:
        The clamp's: ``range`` belongs to every OUT slot; ``q`` is clamped ``y`` of as many cycles before as
        :func:`celosia.arch.timing.conv.clamp_latency` says.
    """

    def __init__(self, config: Config):
        self.config = config
        lanes = config.lanes
        self.slots = slots_per_line(config)
        self._reading, self._writing, self._loads = Signal(), Signal(), Signal()
        self._scaled = Signal(len(Kind))  # a bit for each: such a value leaves the lanes
        self._read_line = Signal((config.activation_lines - 1).bit_length())
        super().__init__(
            {
                "engine": In(EngineSignature()),
                "lines": Out(stream.Signature(LineRequest(config))),
                "line_soon": In(1),
                "line_data": In(8 * config.line_bytes),
                "slot": Out(data.ArrayLayout(signed(32), lanes)),
                "slot_kind": Out(2),
                "slot_scale": Out(Scale),
                "slot_valid": Out(1),
                "slot_ready": In(1),
                "y": In(data.ArrayLayout(signed(32), lanes)),
                "source_soon": In(Source),
                "range": Out(OutputRange),
                "q": In(data.ArrayLayout(signed(8), lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if not self.config.elementwise:
            return m
        job, active, begin, finish = Signal(Add), Signal(), Signal(), Signal()
        m.d.comb += [
            begin.eq(self.engine.command.valid & ~active),
            self.engine.command.ready.eq(~active),
            self.engine.busy.eq(active),
            self.range.zero_point.eq(job.zero_point_out),
            self.range.low.eq(job.activation_min),
            self.range.high.eq(job.activation_max),
        ]
        m.d.sync += self.engine.finished.eq(finish)
        with m.If(begin):
            m.d.sync += active.eq(1)
        with m.If(~active):  # what is idle follows what is on offer: so nothing but ``active`` waits to know
            m.d.sync += job.eq(self.engine.command.payload)
        with m.If(finish):
            m.d.sync += active.eq(0)

        soon = self.source_soon
        m.d.sync += self._scaled.eq(Cat(soon.elementwise & (soon.kind == kind) for kind in Kind))
        results = self._collect(m)
        inputs = self._read(m, active, begin)
        written = self._write(m, active, finish, results)
        sums = self._add(m)
        self._issue(m, job, inputs, sums, written)
        return m

    def _line_of(self, address):
        return address[(self.config.line_bytes - 1).bit_length() :]

    def _read(self, m: Module, active: Signal, begin: Signal) -> tuple[Queue, Queue]:
        """Reads lines of both inputs ahead, alternately, as far as their queues have room."""
        width, bits = 8 * self.config.line_bytes, len(self._read_line)
        m.submodules.first = first = Queue(width, LINES)
        m.submodules.second = second = Queue(width, LINES)
        line_a, line_b = (Signal(bits, name=f"read_{name}") for name in "ab")
        left, some = Signal(32), Signal()  # lines of each input still to be asked for; whether there are any
        turn, answer = Signal(), Signal()  # which input is next to be asked for, to be answered
        room, some_room = Signal(range(LINES + 1), init=LINES), Signal(init=1)
        asked = Signal()
        m.d.comb += [
            self._reading.eq(some & (turn | some_room)),
            self._read_line.eq(Mux(turn, line_b, line_a)),
            asked.eq(self._reading & ~self._writing & self.lines.ready),
            first.i.eq(self.line_data),
            second.i.eq(self.line_data),
        ]
        # Whose line it is goes to hundreds of small memories.
        m.d.sync += [first.push.eq(self.line_soon & ~answer), second.push.eq(self.line_soon & answer)]
        count(m, room, some_room, down=asked & ~turn, up=self._loads)
        with m.If(self.line_soon):
            m.d.sync += answer.eq(~answer)
        with m.If(asked):
            m.d.sync += turn.eq(~turn)
            with m.If(turn):
                m.d.sync += [line_a.eq(line_a + 1), line_b.eq(line_b + 1), left.eq(left - 1), some.eq(left != 1)]
        with m.If(~active):
            command = Add(self.engine.command.payload.as_value())
            m.d.sync += [
                line_a.eq(self._line_of(command.address_a)),
                line_b.eq(self._line_of(command.address_b)),
                left.eq(command.lines),
                some.eq(begin),
            ]
        return first, second

    def _write(self, m: Module, active: Signal, finish: Signal, results: Queue) -> Signal:
        """Writes lines of results, before any read; the last one finishes the command."""
        line, written = Signal(len(self._read_line)), Signal()
        left, last = Signal(32), Signal()  # lines to write; whether it is the last one's turn
        m.d.comb += [
            self._writing.eq(results.some),
            self.lines.valid.eq(self._writing | self._reading),
            self.lines.payload.write.eq(self._writing),
            self.lines.payload.data.eq(results.o),
            self.lines.payload.line.eq(Mux(self._writing, line, self._read_line)),
            written.eq(self._writing & self.lines.ready),
            results.pop.eq(written),
            finish.eq(written & last),
        ]
        with m.If(written):
            m.d.sync += [line.eq(line + 1), left.eq(left - 1), last.eq(left == 2)]
        with m.If(~active):
            command = Add(self.engine.command.payload.as_value())
            m.d.sync += [line.eq(self._line_of(command.output_address)), left.eq(command.lines)]
            m.d.sync += last.eq(command.lines == 1)
        return written

    def _add(self, m: Module) -> Queue:
        """Adds the two scaled inputs of a slot as they leave the lanes, and keeps the sums."""
        lanes = self.config.lanes
        m.submodules.sums = sums = Queue(32 * lanes, SUMS)
        held = Signal(data.ArrayLayout(signed(32), lanes), reset_less=True)
        total = Signal(data.ArrayLayout(signed(32), lanes), reset_less=True)
        with m.If(self._scaled[Kind.FIRST.value]):
            m.d.sync += held.eq(self.y)
        for i in range(lanes):
            m.d.sync += total[i].eq(held[i] + self.y[i])
        summed = delay(m, self._scaled[Kind.SECOND.value], 1, "summed")
        m.d.comb += [sums.i.eq(total.as_value()), sums.push.eq(summed)]
        return sums

    def _collect(self, m: Module) -> Queue:
        """Assembles clamped results into lines."""
        slot_bits, line_bits = 8 * self.config.lanes, 8 * self.config.line_bytes
        m.submodules.results = results = Queue(line_bits, LINES)
        line = Signal(slot_bits * self.slots, reset_less=True)
        slot, complete = Signal(range(self.slots)), Signal()
        out = self._scaled[Kind.OUT.value]
        m.d.sync += complete.eq(0)
        with m.If(delay(m, out, clamp_latency(self.config), "out")):
            last = slot == self.slots - 1
            m.d.sync += [line.eq(Cat(line[slot_bits:], self.q)), complete.eq(last), slot.eq(Mux(last, 0, slot + 1))]
        m.d.comb += [results.i.eq(line), results.push.eq(complete)]
        return results

    def _issue(self, m: Module, job, inputs: tuple[Queue, Queue], sums: Queue, written: Signal):
        """Offers the lanes one slot after the other: a waiting sum if there is room for its result, else an input.

        What a slot is to carry is decided three cycles before it is offered; from there it goes on unconditionally, so
        hundreds of registers all over the chip wait for nothing but that decision, which has a cycle for its way::

            decide: counters ─► what, shift, refill ─► the same, everywhere ─► sum, or input less zero ─► slot
        """
        left = Signal(range(self.slots + 1))  # slots of the current line still to come
        none_left, one_left = Signal(init=1), Signal()
        phase = Signal()  # the current slot's first input is on its way
        pairs, some_pairs = Signal(range(SUMS + 1), init=SUMS), Signal(init=1)  # sums that may still be begun
        lines, some_lines = Signal(range(LINES + 1), init=LINES), Signal(init=1)  # results' lines that may
        waiting, some_waiting = Signal(range(SUMS + 1)), Signal()  # sums that nothing has been decided about
        out_slot, within_line = Signal(range(self.slots)), Signal()  # slot of the results; not a line's first

        free, waits, out, feed, load, paired = Signal(), Signal(), Signal(), Signal(), Signal(), Signal()
        begin_line, begin_pair = Signal(), Signal()
        loadable, some_loadable = Signal(range(LINES + 1)), Signal()  # lines of both inputs that may be taken up
        decided = Signal(_Decision)
        m.d.comb += [
            free.eq(self.slot_ready),
            waits.eq(some_waiting & (within_line | some_lines)),
            out.eq(free & waits),
            feed.eq(free & ~out & ~none_left & (phase | some_pairs)),
            begin_line.eq(out & ~within_line),
            begin_pair.eq(feed & ~phase),
            load.eq((none_left | (one_left & paired)) & some_loadable),
            paired.eq(feed & phase),
            self._loads.eq(decided.moves.load),
        ]
        count(m, loadable, some_loadable, down=load, up=inputs[1].push)  # the second input's line is the later one
        count(m, pairs, some_pairs, down=begin_pair, up=out)
        count(m, lines, some_lines, down=begin_line, up=written)
        count(m, waiting, some_waiting, down=out, up=sums.push)
        with m.If(out):
            last = out_slot == self.slots - 1
            m.d.sync += [out_slot.eq(Mux(last, 0, out_slot + 1)), within_line.eq(~last)]
        with m.If(feed):
            m.d.sync += phase.eq(~phase)
        with m.If(paired):
            m.d.sync += [left.eq(left - 1), none_left.eq(one_left), one_left.eq(left == 2)]
        with m.If(load):
            m.d.sync += [left.eq(self.slots), none_left.eq(0), one_left.eq(self.slots == 1)]
        m.d.sync += [
            decided.valid.eq(out | feed),
            decided.moves.out.eq(out),
            decided.moves.load.eq(load),
            # The lines follow the queues whenever they are used up, whether there is a next one or not.
            decided.moves.refill.eq(none_left | (one_left & paired)),
            decided.moves.shift.eq(feed),
            decided.zero_point.eq(Mux(phase, job.zero_point_b, job.zero_point_a)),
        ]
        # These go to every lane. Where nothing is offered they do not matter, so they do not ask whether it is.
        with m.If(waits):
            m.d.sync += decided.kind.eq(Kind.OUT)
            m.d.sync += decided.scale.multiplier.eq(job.multiplier_out)
            m.d.sync += decided.scale.exponent.eq(job.exponent_out)
        with m.Elif(phase):
            m.d.sync += decided.kind.eq(Kind.SECOND)
            m.d.sync += decided.scale.multiplier.eq(job.multiplier_b)
            m.d.sync += decided.scale.exponent.eq(job.exponent_b)
        with m.Else():
            m.d.sync += decided.kind.eq(Kind.FIRST)
            m.d.sync += decided.scale.multiplier.eq(job.multiplier_a)
            m.d.sync += decided.scale.exponent.eq(job.exponent_a)
        near, offered = delays(m, decided, 2, "decided")[1:]
        m.d.comb += [
            self.slot_valid.eq(offered.valid),
            self.slot_kind.eq(offered.kind),
            self.slot_scale.eq(offered.scale),
        ]
        self._choose(m, near, inputs, sums)

    def _choose(self, m: Module, now: data.View, inputs: tuple[Queue, Queue], sums: Queue):
        """The next slot, which is decided: its data, and the queues and lines that move on for it.

        What it does not carry is cleared, which registers do for nothing.
        """
        config, moves = self.config, now.moves
        first, second = inputs
        slot_bits = 8 * config.lanes
        whole = self.slots * slot_bits  # the last slot of a line may have more lanes than bytes
        # A line leaves its queue two cycles or more after the one before: it is in a register when its turn comes.
        ready = [delay(m, queue.o, 1, f"ready_{i}", reset_less=True) for i, queue in enumerate(inputs)]
        slots = [
            [Cat(entry, Const(0, whole - len(entry)))[at : at + slot_bits] for at in range(0, whole, slot_bits)]
            for entry in ready
        ]
        line = Signal(2 * whole, reset_less=True)  # the slots of both inputs in the order in which they go
        with m.If(moves.refill):
            m.d.sync += line.eq(Cat(*zip(*slots, strict=True)))
        with m.Elif(moves.shift):
            m.d.sync += line.eq(line >> slot_bits)
        m.d.comb += [
            first.pop.eq(moves.load),
            second.pop.eq(moves.load),
            sums.pop.eq(moves.out),
        ]
        total = Signal(data.ArrayLayout(signed(32), config.lanes), reset_less=True)
        m.d.sync += total.eq(Mux(moves.out, sums.o, 0))
        for i in range(config.lanes):
            value = Signal(signed(9), name=f"value_{i}", reset_less=True)
            m.d.sync += value.eq(Mux(moves.out, 0, line[8 * i : 8 * i + 8].as_signed() - now.zero_point))
            m.d.comb += self.slot[i].eq(total[i] | (value << ADD_LEFT_SHIFT))
