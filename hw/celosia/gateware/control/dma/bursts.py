# SPDX-License-Identifier: Apache-2.0
"""The address side of the DMA: what a transfer asks of the external bus, and where its data are locally."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ....arch.config import Config
from ....arch.isa import Space, Transfer
from ....arch.registers import space_bytes, window_bits
from ..buffer import StreamBuffer

__all__ = ["BURST_BEATS", "Bursts", "LocalWalker", "burst_layout"]

BURST_BEATS = 64
"""Beats of the longest burst. Bursts end at multiples of this many beats, so they never cross 4 KiB."""

_BURST_BITS = (BURST_BEATS - 1).bit_length()


def _beat_shift(config: Config) -> int:
    return (config.bus_bytes - 1).bit_length()


def burst_layout(config: Config) -> data.StructLayout:
    """One burst: address in beats, and beats less one."""
    return data.StructLayout({"beat": config.address_bits - _beat_shift(config), "length": _BURST_BITS})


class Bursts(Component):
    """Cuts a transfer into bursts, after it has checked each of its rows.

    ::

        transfer ─► row offsets ─► ends of the row ─► checks, addresses ─► buffer ─► cut at 64 beats ─► buffer ─► burst
                    (+ strides)    (+ row_bytes)      (+ base)                       (one a cycle)

    A row a cycle passes the first three stages while bursts are taken; buffers keep the external bus's ready out of
    what they wait for. A row that is not inside
    ``external_size`` bytes from ``external_base``, wraps round the address space, is not inside the local
    memory, or is not made of whole beats gives no burst but ``error``; so do all rows after it.

    Members
    -------
    idle, start, transfer:
        ``start`` takes up a command; only while ``idle``, in which there is none.
    abort:
        Forget all rows; a burst that is already offered stays.
    burst:
        Bursts, in the order of the data. At most ``limit`` of them are offered or under way.
    issued:
        High in the first cycle in which a burst is on ``burst``.
    retired:
        A burst has been completed by the external memory.
    exhausted:
        Every burst of the command has been issued.
    pending:
        Bursts are offered or under way, or rows wait to be forgotten.
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
                "issued": Out(1),
                "retired": In(1),
                "exhausted": Out(1),
                "pending": Out(1),
                "error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        self._cutting, self._room, self._issue = Signal(), Signal(), Signal()
        m.submodules.rows = rows = StreamBuffer(_row_layout(self.config))
        self._rows(m, rows.i)
        self._cut(m, rows.o)
        outstanding = Signal(range(self.limit + 1))
        m.d.sync += outstanding.eq(outstanding + self._issue - self.retired)
        m.d.comb += [self.pending.eq((outstanding != 0) | rows.o.valid), self._room.eq(~outstanding[-1])]
        return m

    def _rows(self, m: Module, checked: stream.Interface) -> None:
        """Row by row: offsets, then their ends, then the checks. All quantities in beats."""
        config, transfer = self.config, self.transfer
        low = _beat_shift(config)
        bits = 32 - low
        fields = ("external_address", "external_stride", "local_address", "local_stride", "row_bytes")
        stride, local_stride, tail = Signal(bits), Signal(bits), Signal(bits)
        offset, local_offset = Signal(bits + 1), Signal(bits + 1)
        rows, some, odd, space_beats = Signal(16), Signal(), Signal(), Signal(bits)  # ``some``: rows are left
        sizes = Array(Const(space_bytes(config, s) >> low, bits) for s in sorted(Space, key=lambda s: s.value))

        end, local_end, begin = Signal(bits + 2), Signal(bits + 2), Signal(bits + 1)
        first, last = Signal(bits + 2), Signal(bits + 3)
        ends_valid = Signal()
        row, valid, bad, advance = Signal(_row_layout(config)), Signal(), Signal(), Signal()
        m.d.comb += [
            checked.valid.eq(valid & ~bad),
            checked.payload.eq(row),
            self.error.eq(valid & bad),
            advance.eq(~valid | (checked.ready & ~bad)),
            self.exhausted.eq(~some & ~ends_valid & ~valid & ~self._cutting),
        ]
        m.d.comb += [first.eq(begin + self.external_base[low:]), last.eq(end + self.external_base[low:])]
        with m.If(advance):
            m.d.sync += [
                offset.eq(offset + stride), local_offset.eq(local_offset + local_stride),
                rows.eq(rows - 1), some.eq(some & (rows != 1)),
                ends_valid.eq(some), begin.eq(offset),
                end.eq(offset + tail), local_end.eq(local_offset + tail),
                valid.eq(ends_valid), row.first.eq(first), row.last.eq(last),
                bad.eq(
                    odd | (end >= self.external_size[low:]) | (local_end >= space_beats)
                    | last[config.address_bits - low :].any()
                ),
            ]  # fmt: skip
        with m.If(self.idle):  # known earlier than ``start``
            m.d.sync += [
                offset.eq(transfer.external_address[low:]), stride.eq(transfer.external_stride[low:]),
                local_offset.eq(transfer.local_address[low:]), local_stride.eq(transfer.local_stride[low:]),
                tail.eq(transfer.row_bytes[low:] - 1), rows.eq(transfer.rows), some.eq(self.start),
                space_beats.eq(sizes[transfer.space.as_value()]), ends_valid.eq(0), valid.eq(0),
                odd.eq(
                    self.external_base[:low].any()
                    | _any(getattr(transfer, name)[:low] for name in fields)
                ),
            ]  # fmt: skip
        with m.If(self.abort):
            m.d.sync += [some.eq(0), ends_valid.eq(0), valid.eq(0)]

    def _cut(self, m: Module, rows: stream.Interface) -> None:
        """Cut a row at multiples of BURST_BEATS and offer the pieces."""
        m.submodules.bursts = bursts = StreamBuffer(burst_layout(self.config))
        connect(m, bursts.o, flipped(self.burst))
        row, burst = rows.payload, bursts.i
        beat, end, work = Signal.like(row.first), Signal(_BURST_BITS), Signal()
        is_last, issue = Signal(), self._issue
        left = Signal(len(beat) - _BURST_BITS)  # bursts after this one
        high = slice(_BURST_BITS, None)
        m.d.comb += [
            self._cutting.eq(work | rows.valid),
            issue.eq(work & burst.ready & self._room & ~self.abort),
            rows.ready.eq(~work | (issue & is_last) | self.abort),
            burst.valid.eq(issue),
            burst.payload.beat.eq(beat),
            burst.payload.length.eq(Mux(is_last, end, BURST_BEATS - 1) - beat[:_BURST_BITS]),
        ]
        free = Signal(init=1)  # what is on ``burst`` was not there in the cycle before
        m.d.sync += free.eq(~self.burst.valid | self.burst.ready)
        m.d.comb += self.issued.eq(self.burst.valid & free)
        with m.If(issue):
            m.d.sync += [
                beat[:_BURST_BITS].eq(0),
                beat[high].eq(beat[high] + 1),
                left.eq(left - 1),
                is_last.eq(left == 1),
            ]
        with m.If(rows.ready):
            m.d.sync += [
                beat.eq(row.first),
                end.eq(row.last[:_BURST_BITS]),
                left.eq(row.last[high] - row.first[high]),
                is_last.eq(row.last[high] == row.first[high]),
                work.eq(rows.valid & ~self.abort),
            ]


def _row_layout(config: Config) -> data.StructLayout:
    """A row that has passed the checks: its first and last beat."""
    bits = config.address_bits - _beat_shift(config)
    return data.StructLayout({"first": bits, "last": bits})


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
