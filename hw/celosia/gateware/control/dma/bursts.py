# SPDX-License-Identifier: Apache-2.0
"""The address side of the DMA: what a transfer asks of the external bus, and where its data are locally."""

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from ....arch.config import Config
from ....arch.isa import Space, Transfer
from ....arch.registers import space_bytes, window_bits

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

        transfer ─► row offsets ─► ends of the row ─► checks, addresses ─► cut at 64 beats ─► burst
                    (+ strides)    (+ row_bytes)      (+ base)             (one a cycle)

    A row a cycle passes the first three stages while bursts are taken. A row that is not inside
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
        Every burst of the command has been offered.
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
        self._cut(m, self._rows(m))
        outstanding = Signal(range(self.limit + 1))
        m.d.sync += outstanding.eq(outstanding + self._issue - self.retired)
        m.d.comb += [self.pending.eq(outstanding != 0), self._room.eq(~outstanding[-1])]
        return m

    def _rows(self, m: Module) -> "_Row":
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
        row = _Row(config)
        advance = Signal()
        m.d.comb += [
            advance.eq(~row.valid | row.taken),
            self.exhausted.eq(~some & ~ends_valid & ~row.valid & ~self._cutting),
        ]
        m.d.comb += [first.eq(begin + self.external_base[low:]), last.eq(end + self.external_base[low:])]
        with m.If(advance):
            m.d.sync += [
                offset.eq(offset + stride), local_offset.eq(local_offset + local_stride),
                rows.eq(rows - 1), some.eq(some & (rows != 1)),
                ends_valid.eq(some), begin.eq(offset),
                end.eq(offset + tail), local_end.eq(local_offset + tail),
                row.valid.eq(ends_valid), row.first.eq(first), row.last.eq(last),
                row.bad.eq(
                    odd | (end >= self.external_size[low:]) | (local_end >= space_beats)
                    | last[config.address_bits - low :].any()
                ),
            ]  # fmt: skip
        with m.If(self.idle):  # known earlier than ``start``
            m.d.sync += [
                offset.eq(transfer.external_address[low:]), stride.eq(transfer.external_stride[low:]),
                local_offset.eq(transfer.local_address[low:]), local_stride.eq(transfer.local_stride[low:]),
                tail.eq(transfer.row_bytes[low:] - 1), rows.eq(transfer.rows), some.eq(self.start),
                space_beats.eq(sizes[transfer.space.as_value()]), ends_valid.eq(0), row.valid.eq(0),
                odd.eq(
                    self.external_base[:low].any()
                    | _any(getattr(transfer, name)[:low] for name in fields)
                ),
            ]  # fmt: skip
        with m.If(self.abort):
            m.d.sync += [some.eq(0), ends_valid.eq(0), row.valid.eq(0)]
        return row

    def _cut(self, m: Module, row: "_Row"):
        """Cut a row at multiples of BURST_BEATS and offer the pieces."""
        burst, beat, end = self.burst, Signal.like(row.first), Signal(_BURST_BITS)
        cutting, is_last, issue = self._cutting, Signal(), self._issue
        left = Signal(len(beat) - _BURST_BITS)  # bursts after this one
        high = slice(_BURST_BITS, None)
        m.d.comb += [
            issue.eq(cutting & (~burst.valid | burst.ready) & self._room & ~self.abort),
            row.taken.eq(row.valid & ~row.bad & (~cutting | (issue & is_last))),
            self.error.eq(row.valid & row.bad),
        ]
        with m.If(burst.ready):
            m.d.sync += burst.valid.eq(0)
        m.d.sync += self.issued.eq(issue)
        with m.If(issue):
            m.d.sync += [
                burst.valid.eq(1),
                burst.payload.beat.eq(beat),
                burst.payload.length.eq(Mux(is_last, end, BURST_BEATS - 1) - beat[:_BURST_BITS]),
                beat[:_BURST_BITS].eq(0),
                beat[high].eq(beat[high] + 1),
                left.eq(left - 1),
                is_last.eq(left == 1),
                cutting.eq(~is_last),
            ]
        with m.If(row.taken):
            m.d.sync += [
                beat.eq(row.first),
                end.eq(row.last[:_BURST_BITS]),
                left.eq(row.last[high] - row.first[high]),
                is_last.eq(row.last[high] == row.first[high]),
                cutting.eq(1),
            ]
        with m.If(self.abort):
            m.d.sync += cutting.eq(0)


class _Row:
    """A checked row: its first and last beat, and the handshake that takes it."""

    def __init__(self, config: Config):
        bits = config.address_bits - _beat_shift(config)
        self.first, self.last = Signal(bits, name="row_first"), Signal(bits, name="row_last")
        self.valid, self.bad = Signal(name="row_valid"), Signal(name="row_bad")
        self.taken = Signal(name="row_taken")


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
