# SPDX-License-Identifier: Apache-2.0
"""The address side of the DMA: what a transfer asks of the external bus, and where its data are locally."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import Space, Transfer
from ....arch.registers import space_bytes, window_bits
from ...counter import count
from ...delay import delay
from ...queue import Queue
from ..buffer import TurnBuffer

__all__ = ["BURST_BEATS", "Bursts", "LocalWalker", "burst_layout"]

BURST_BEATS = 64
"""Beats of the longest burst. Bursts end at multiples of this many beats, so they never cross 4 KiB."""

_BURST_BITS = (BURST_BEATS - 1).bit_length()

_ROWS = 8
"""Rows between the first stage and the cut; more than it takes cycles from one to the other and back."""


def _beat_shift(config: Config) -> int:
    return (config.bus_bytes - 1).bit_length()


def burst_layout(config: Config) -> data.StructLayout:
    """One burst: address in beats, and beats less one."""
    return data.StructLayout({"beat": config.address_bits - _beat_shift(config), "length": _BURST_BITS})


class Bursts(Component):
    """Cuts a transfer into bursts, after it has checked each of its rows.

    ::

        transfer ─► row offsets ─► ends of the row ─► sums, comparisons ─► verdict, first burst ─► queue
                    (+ strides)    (+ row_bytes)      (+ base)                                       │
                                                                burst ◄─ buffer ◄─ cut at 64 beats ◄─┘
                                                                                   (one a cycle)

    A row a cycle passes the first four stages, which nothing stalls: a row begins only if there is a place for it in
    the queue. A row that is not inside
    ``external_size`` bytes from ``external_base``, wraps round the address space, is not inside the local
    memory, or is not made of whole beats gives no burst but ``error``; so do all rows after it.

    Members
    -------
    idle, start, transfer:
        ``start`` takes up a command; only while ``idle``, in which there is none.
    abort:
        Forget all rows; a burst that has been made stays.
    burst:
        Bursts, in the order of the data. At most ``limit`` of them are offered or under way.
    made, length:
        A burst is made in this cycle, which nothing takes back: it will be on ``burst`` when those before it have been
        taken. Its beats, less one.
    issued:
        High in the first cycle in which a burst is on ``burst``.
    retired:
        A burst has been completed by the external memory.
    exhausted:
        Every burst of the command has been made.
    pending:
        Bursts are offered or under way.
    error:
        High from the first bad row until ``abort``.

    Parameters
    ----------
    limit:
        A power of two.
    """

    idle: Signal
    start: Signal
    transfer: "data.View"
    abort: Signal
    external_base: Signal
    external_size: Signal
    burst: stream.Interface
    made: Signal
    length: Signal
    issued: Signal
    retired: Signal
    exhausted: Signal
    pending: Signal
    error: Signal

    def __init__(self, config: Config, *, limit: int):
        if limit < 1 or limit & (limit - 1):
            raise ValueError(f"limit must be a power of two, not {limit!r}")
        self.config, self.limit = config, limit
        super().__init__(
            {
                "idle": In(1),
                "start": In(1),
                "transfer": In(Transfer),
                "abort": In(1),
                "external_base": In(32),
                "external_size": In(32),
                "burst": Out(stream.Signature(burst_layout(config))),
                "made": Out(1),
                "length": Out(_BURST_BITS),
                "issued": Out(1),
                "retired": In(1),
                "exhausted": Out(1),
                "pending": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = ResetInserter(self.abort)(Queue(_row_layout(self.config), _ROWS))
        places, place = Signal(range(_ROWS + 1), init=_ROWS), Signal(init=1)  # in the queue, for rows not yet begun
        some, may, begins = Signal(), Signal(), Signal()  # ``some``: rows have not begun
        m.d.comb += may.eq(some & place)
        m.d.sync += begins.eq(may & ~self.abort)  # a cycle late: a hundred registers wait for it
        offset, local_offset = self._offsets(m, some, may, begins)
        self._checks(m, begins, offset, local_offset, rows)
        cutting = self._cut(m, rows)
        count(m, places, place, down=may, up=delay(m, rows.pop, 1, "popped"))
        with m.If(self.abort):
            m.d.sync += [places.eq(_ROWS), place.eq(1)]
        m.d.comb += self.exhausted.eq(~some & places[-1] & ~cutting)  # every place is free; never after a bad row
        return m

    def _offsets(self, m: Module, some: Signal, may: Signal, begins: Signal) -> tuple[Signal, Signal]:
        """Where rows begin, row by row, in beats from the base and in the local memory.

        A row that ``may`` begin does so in the next cycle.
        """
        transfer, low = self.transfer, _beat_shift(self.config)
        bits = 32 - low
        stride, local_stride, rows = Signal(bits), Signal(bits), Signal(16)
        offset, local_offset = Signal(bits + 1), Signal(bits + 1)
        with m.If(may):
            m.d.sync += [rows.eq(rows - 1), some.eq(rows != 1)]
        with m.If(begins):
            m.d.sync += [offset.eq(offset + stride), local_offset.eq(local_offset + local_stride)]
        with m.If(self.idle):  # known earlier than ``start``
            m.d.sync += [
                offset.eq(transfer.external_address[low:]),
                stride.eq(transfer.external_stride[low:]),
                local_offset.eq(transfer.local_address[low:]),
                local_stride.eq(transfer.local_stride[low:]),
                rows.eq(transfer.rows),
                some.eq(self.start),
            ]
        with m.If(self.abort):
            m.d.sync += some.eq(0)
        return offset, local_offset

    def _checks(self, m: Module, begins: Signal, offset: Signal, local_offset: Signal, rows: Queue) -> None:
        """The ends of a row, then its sums with the base and what they are compared with, then what follows of it.

        Nothing waits: the registers move without a row, too. All quantities in beats.
        """
        low = _beat_shift(self.config)
        bits, address_bits = 32 - low, self.config.address_bits - low
        base, size = self.external_base[low:], self.external_size[low:]
        tail, short, odd, space_beats = self._steady(m)
        begin, end, local_end = Signal(bits + 1), Signal(bits + 2), Signal(bits + 2)
        first, last, outside = Signal(address_bits), Signal(bits + 3), Signal(2)
        row, valid, good, bad = Signal(_row_layout(self.config)), Signal(2), Signal(), Signal()
        within = Signal(_BURST_BITS + 1)  # its sign: a multiple of BURST_BEATS is between first and last
        high = slice(_BURST_BITS, address_bits)
        m.d.comb += [
            bad.eq(odd | outside.any() | last[address_bits:].any()),
            within.eq(last[:_BURST_BITS] - first[:_BURST_BITS]),
            rows.push.eq(good & ~self.error),
            rows.i.eq(row),
        ]
        m.d.sync += [
            begin.eq(offset), end.eq(offset + tail), local_end.eq(local_offset + tail),
            first.eq(begin + base), last.eq(end + base), outside.eq(Cat(end >= size, local_end >= space_beats)),
            row.first.eq(first), row.end.eq(last[:_BURST_BITS]),
            row.left.eq(last[high] + Cat(~first[high], 1)),  # less one
            row.length.eq(Mux(short & ~within[-1], within, ~first[:_BURST_BITS])),
            valid.eq(Cat(begins, valid[0])), good.eq(valid[1] & ~bad), self.error.eq(self.error | (valid[1] & bad)),
        ]  # fmt: skip
        with m.If(self.abort):
            m.d.sync += [valid.eq(0), good.eq(0), self.error.eq(0)]

    def _steady(self, m: Module) -> tuple[Signal, Signal, Signal, Signal]:
        """What is the same for all rows: beats less one, whether those are less than BURST_BEATS, whether something is
        not made of whole beats, and beats of the local memory."""
        config, transfer = self.config, self.transfer
        low = _beat_shift(config)
        bits = 32 - low
        tail, short, odd, space_beats = Signal(bits), Signal(), Signal(), Signal(bits)
        fields = ("external_address", "external_stride", "local_address", "local_stride", "row_bytes")
        sizes = Array(Const(space_bytes(config, s) >> low, bits) for s in sorted(Space, key=lambda s: s.value))
        with m.If(self.idle):  # known earlier than ``start``
            m.d.sync += [
                tail.eq(transfer.row_bytes[low:] - 1),
                space_beats.eq(sizes[transfer.space.as_value()]),
                odd.eq(self.external_base[:low].any() | _any(getattr(transfer, name)[:low] for name in fields)),
            ]
        m.d.sync += short.eq(~tail[_BURST_BITS:].any())  # looked at two cycles later
        return tail, short, odd, space_beats

    def _cut(self, m: Module, rows: Queue) -> Signal:
        """Cut a row at multiples of BURST_BEATS and offer the pieces; returns whether there is a row to cut."""
        m.submodules.bursts = bursts = TurnBuffer(burst_layout(self.config))
        connect(m, bursts.o, flipped(self.burst))
        row = rows.o
        beat, left = Signal.like(row.first), Signal.like(row.left)
        first, length, end = Signal(), Signal(_BURST_BITS), Signal(_BURST_BITS)
        work, is_last, may, load = Signal(), Signal(), Signal(), Signal()
        room = self._room(m)
        high = slice(_BURST_BITS, None)
        m.d.comb += [
            is_last.eq(left[-1]),
            may.eq(bursts.i.ready & room),
            load.eq(~work | (is_last & may)),
            rows.pop.eq(load & rows.some),
            self.made.eq(work & may & ~self.abort),
            self.length.eq(Mux(first, length, end | (~is_last).replicate(_BURST_BITS))),
            bursts.i.valid.eq(self.made),
            bursts.i.payload.beat.eq(beat),
            bursts.i.payload.length.eq(self.length),
        ]
        # Without ``work`` and ``abort``, which only say whether anybody looks at these: they are wide.
        with m.If(may):
            m.d.sync += [beat[:_BURST_BITS].eq(0), beat[high].eq(beat[high] + 1), left.eq(left - 1), first.eq(0)]
        with m.If(load):
            m.d.sync += [
                beat.eq(row.first),
                left.eq(row.left),
                first.eq(1),
                length.eq(row.length),
                end.eq(row.end),
                work.eq(rows.some),
            ]
        with m.If(self.abort):
            m.d.sync += work.eq(0)
        free = Signal(init=1)  # what is on ``burst`` was not there in the cycle before
        m.d.sync += free.eq(~self.burst.valid | self.burst.ready)
        m.d.comb += self.issued.eq(self.burst.valid & free)
        return work

    def _room(self, m: Module) -> Signal:
        """Whether another burst may be made: a register."""
        free, room = Signal(range(self.limit + 1), init=self.limit), Signal(init=1)
        count(m, free, room, down=self.made, up=self.retired)
        m.d.comb += self.pending.eq(~free[-1])
        return room


def _row_layout(config: Config) -> data.StructLayout:
    """A row that has passed the checks: its first beat; the length of its first burst, beats less one; how many bursts
    are left after that, less one, so that a sign says that there are none; the low bits of its last beat."""
    bits = config.address_bits - _beat_shift(config)
    return data.StructLayout({"first": bits, "length": _BURST_BITS, "left": bits - _BURST_BITS + 1, "end": _BURST_BITS})


def _any(values):
    result = Const(0, 1)
    for value in values:
        result = result | value.any()
    return result


class LocalWalker(Component):
    """Where, in its local memory, each beat of a transfer is; one beat a cycle.

    Nothing is checked: only beats of rows that :class:`Bursts` has passed are ever used.

    Members
    -------
    idle, start, transfer:
        ``start`` takes up a command, only while ``idle``; its first beat is there in the next cycle.
    step:
        Go on to the next beat.
    space, address:
        The beat: memory and byte address in it.
    done:
        No beats are left.
    """

    idle: Signal
    start: Signal
    transfer: "data.View"
    step: Signal
    space: "data.View"
    address: Signal
    done: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "idle": In(1),
                "start": In(1),
                "transfer": In(Transfer),
                "step": In(1),
                "space": Out(Space),
                "address": Out(window_bits(config)),
                "done": Out(1, init=1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        transfer = self.transfer
        low = _beat_shift(self.config)
        bits = window_bits(self.config) - low
        beat, next_row, stride = Signal(bits), Signal(bits), Signal(bits)
        left, tail = Signal(bits), Signal(bits)  # beats, less one
        last, only = Signal(), Signal()  # whether those are 0
        rows = Signal(16)
        m.d.comb += self.address[low:].eq(beat)
        with m.If(self.step):
            m.d.sync += [beat.eq(beat + 1), left.eq(left - 1), last.eq(left == 1)]
            with m.If(last):
                m.d.sync += [
                    beat.eq(next_row),
                    next_row.eq(next_row + stride),
                    left.eq(tail),
                    last.eq(only),
                    rows.eq(rows - 1),
                    self.done.eq(rows == 1),
                ]
        with m.If(self.idle):  # known earlier than ``start``
            m.d.sync += [
                self.space.eq(transfer.space),
                beat.eq(transfer.local_address[low:]),
                next_row.eq(transfer.local_address[low:] + transfer.local_stride[low:]),
                stride.eq(transfer.local_stride[low:]),
                left.eq(transfer.row_bytes[low:] - 1),
                tail.eq(transfer.row_bytes[low:] - 1),
                last.eq(transfer.row_bytes[low:] == 1),
                only.eq(transfer.row_bytes[low:] == 1),
                rows.eq(transfer.rows),
                self.done.eq(~self.start),
            ]
        return m
