# SPDX-License-Identifier: Apache-2.0
"""AXI bursts, checked and cut into segments: what the rest of the controller works on."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from .chip import Chip

__all__ = ["SEGMENT_BEATS", "Mapping", "Response", "Segments", "address_layout"]

SEGMENT_BEATS = 8
"""Beats of the longest segment, all in one aligned group of as many: of one bank and row."""

_LOW = 3  # bits of a beat's place in its group
_PAGE = 12  # bits of a byte's place in 4 KiB, which no burst leaves (AXI4, A3.4.1)


class Response:
    """AXI responses."""

    OKAY = 0
    SLVERR = 2
    DECERR = 3


@dataclass(frozen=True)
class Mapping:
    """Where an AXI address is in the chip.

    ::

        row | bank | group | beat in its group | byte in its beat        consecutive rows of addresses: other banks

    Parameters
    ----------
    config:
        Gives the widths of the bus.
    chip:
        Gives rows and columns.
    """

    config: Config
    chip: Chip

    @property
    def words(self) -> int:
        """16-bit words of a beat: the chip's burst length."""
        return self.config.bus_bytes // 2

    @property
    def byte_bits(self) -> int:
        return (self.config.bus_bytes - 1).bit_length()

    @property
    def group_bits(self) -> int:
        return self.chip.column_bits - (self.words - 1).bit_length() - _LOW

    @property
    def address_bits(self) -> int:
        """Bits of a byte address inside the chip."""
        return (self.chip.size - 1).bit_length()

    @property
    def segment(self) -> data.StructLayout:
        """A segment: ``first`` beat in its group, beats less one, whether the burst ends with it, how to answer."""
        return data.StructLayout(
            {
                "first": _LOW,
                "group": self.group_bits,
                "bank": 2,
                "row": self.chip.row_bits,
                "count": _LOW,
                "last": 1,
                "id": 1,
                "response": 2,
            }
        )


def address_layout(config: Config) -> data.StructLayout:
    """What matters of an AXI address channel."""
    return data.StructLayout({"id": 1, "address": config.address_bits, "length": 8, "size": 3, "burst": 2})


class Segments(Component):
    """Cuts bursts of one direction.

    ::

        i ─► held burst ─► checked burst ─► cut at groups of 8 beats ─► o

    A burst that is not INCR, not of whole beats, or crosses 4 KiB is to be answered with SLVERR, one outside the chip
    with DECERR; it is cut like any other. The byte part of an address is ignored: strobes say which bytes of
    the first beat are meant.

    Members
    -------
    i:
        Bursts; one waits here while another is cut.
    o:
        Segments, in order.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, mapping: Mapping):
        self.mapping = mapping
        super().__init__(
            {
                "i": In(stream.Signature(address_layout(mapping.config))),
                "o": Out(stream.Signature(mapping.segment)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        mapping, o = self.mapping, self.o
        held, held_valid = Signal(self.i.payload.shape()), Signal()
        m.d.comb += self.i.ready.eq(~held_valid)
        with m.If(~held_valid):
            m.d.sync += [held.eq(self.i.payload), held_valid.eq(self.i.valid)]

        page_beats = _PAGE - mapping.byte_bits
        valid, page = Signal(), Signal(max(mapping.address_bits - _PAGE, 0))
        group, low, left = Signal(page_beats - _LOW), Signal(_LOW), Signal(8)
        burst_id, response = Signal(1), Signal(2)
        with m.If(~valid & held_valid):
            m.d.sync += [
                valid.eq(1), held_valid.eq(0),
                Cat(low, group, page).eq(held.address[mapping.byte_bits : mapping.address_bits]),
                left.eq(held.length), burst_id.eq(held.id), response.eq(self._check(held, page_beats)),
            ]  # fmt: skip

        ends, room = Signal(), Signal(_LOW)
        place = Cat(group, page)
        row_start = mapping.group_bits + 2
        m.d.comb += [room.eq(~low), ends.eq(~left[_LOW:].any() & (left[:_LOW] <= room))]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(valid & (~o.valid | o.ready)):
            m.d.sync += [
                o.valid.eq(1), o.payload.first.eq(low), o.payload.group.eq(place[: mapping.group_bits]),
                o.payload.bank.eq(place[mapping.group_bits : row_start]), o.payload.row.eq(place[row_start:]),
                o.payload.count.eq(Mux(ends, left[:_LOW], room)), o.payload.last.eq(ends),
                o.payload.id.eq(burst_id), o.payload.response.eq(response),
                low.eq(0), group.eq(group + 1), left.eq(left + low - SEGMENT_BEATS), valid.eq(~ends),
            ]  # fmt: skip
        return m

    def _check(self, held, page_beats: int):
        """The response to a burst."""
        mapping = self.mapping
        last = held.address[mapping.byte_bits : _PAGE] + held.length
        wrong = (held.burst != 1) | (held.size != mapping.byte_bits) | last[page_beats:].any()
        outside = held.address[mapping.address_bits :].any() if len(held.address) > mapping.address_bits else Const(0)
        return Mux(wrong, Response.SLVERR, Mux(outside, Response.DECERR, Response.OKAY))
