# SPDX-License-Identifier: Apache-2.0
"""What AXI4 and AXI4-Lite demand of both sides of a bus, as assertions beside the hardware.

The numbers of rules in the messages are those of the AMBA AXI and ACE Protocol Specification's sections (IHI 0022H).
"""

from amaranth.hdl import Assert, Cat, Elaboratable, Module, Mux, Signal
from amaranth.lib import fifo

__all__ = ["BURSTS", "Axi4Rules", "LiteRules", "Stable"]

BURSTS = 64
"""Requests a direction that the rules can follow at once, if not told otherwise."""

_PAYLOADS = {
    "aw": ("awid", "awaddr", "awlen", "awsize", "awburst", "awlock", "awcache", "awprot"),
    "w": ("wdata", "wstrb", "wlast"),
    "b": ("bid", "bresp"),
    "ar": ("arid", "araddr", "arlen", "arsize", "arburst", "arlock", "arcache", "arprot"),
    "r": ("rid", "rdata", "rresp", "rlast"),
}


class Stable(Elaboratable):
    """What has been offered stays, unchanged, until it is taken (A3.2.1); after a reset nothing is offered (A3.1.2).

    Parameters
    ----------
    name:
        Of the channel, for the message.
    valid, ready, payload:
        Its signals.
    check:
        Assert, or Assume where a proof supposes it of the other side.
    """

    def __init__(self, name: str, valid, ready, payload, check=Assert):
        self.name, self.valid, self.ready, self.payload, self.check = name, valid, ready, payload, check

    def elaborate(self, platform):
        m = Module()
        waits, first, held = Signal(), Signal(init=1), Signal(len(self.payload))
        m.d.sync += [waits.eq(self.valid & ~self.ready), held.eq(self.payload), first.eq(0)]
        m.d.sync += [
            self.check(~waits | self.valid, f"{self.name}: an offer was withdrawn"),
            self.check(~waits | (self.payload == held), f"{self.name}: an offer changed"),
            self.check(~(first & self.valid), f"{self.name}: valid in the first cycle after reset"),
        ]
        return m


class _Rules(Elaboratable):
    """What both buses have in common: channels, and whom a rule binds."""

    def __init__(self, name: str, bus, *, initiator=Assert, target=Assert, bursts: int = BURSTS):
        self.name, self.bus = name, bus
        self.initiator, self.target = initiator, target
        self.bursts = bursts

    def _channel(self, m: Module, channel: str):
        """The channel's :class:`Stable`; whether it is offered, and taken, in this cycle."""
        bus = self.bus
        valid, ready = getattr(bus, f"{channel}valid"), getattr(bus, f"{channel}ready")
        payload = Cat(getattr(bus, name) for name in _PAYLOADS[channel] if hasattr(bus, name))
        check = self.target if channel in "br" else self.initiator
        m.submodules[channel] = Stable(f"{self.name} {channel}", valid, ready, payload, check)
        taken = Signal(name=f"{channel}_taken")
        m.d.comb += taken.eq(valid & ready)
        return valid, taken

    def _owed(self, m: Module, what: str, more, less):
        """A counter of what has been taken and not been answered."""
        owed = Signal(range(self.bursts + 1), name=f"owed_{what}")
        m.d.sync += owed.eq(owed + more - less)
        return owed


class LiteRules(_Rules):
    """AXI4-Lite: stable offers, and one response to each request, never before it (A3.3).

    Parameters
    ----------
    name:
        Of the bus, for messages.
    bus:
        The interface that is watched.
    initiator, target:
        Assert, or Assume: the rules that bind each side.
    bursts:
        Requests a direction that it can follow at once.
    """

    def elaborate(self, platform):
        m = Module()
        taken, offered = {}, {}
        for channel in _PAYLOADS:
            offered[channel], taken[channel] = self._channel(m, channel)
        addresses = self._owed(m, "addresses", taken["aw"], taken["b"])
        words = self._owed(m, "words", taken["w"], taken["b"])
        reads = self._owed(m, "reads", taken["ar"], taken["r"])
        m.d.sync += [
            self.target(~offered["b"] | (addresses.any() & words.any()), f"{self.name}: b without a write"),
            self.target(~offered["r"] | reads.any(), f"{self.name}: r without a read"),
        ]
        return m


class Axi4Rules(_Rules):
    """AXI4 as an initiator of whole beats uses it.

    Besides stable offers: bursts of incrementing addresses, whole aligned beats, at most ``beats`` of them, never
    across 4 KiB (A3.4.1); ``wlast`` and ``rlast`` with the last beat and no other; no response before its request; no
    data before their address is offered, which AXI4 would allow and this core promises.

    Parameters
    ----------
    name, bus, initiator, target, bursts:
        As :class:`LiteRules`.
    beats:
        Of the longest burst.
    """

    def __init__(self, name: str, bus, *, beats: int, **options):
        super().__init__(name, bus, **options)
        self.beats = beats

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        taken, offered = {}, {}
        for channel in _PAYLOADS:
            offered[channel], taken[channel] = self._channel(m, channel)
        self._burst(m, "aw", offered["aw"])
        self._burst(m, "ar", offered["ar"])

        # Write data belong to bursts in the order of their addresses, from the cycle after the first offer on.
        waits = Signal()
        m.d.sync += waits.eq(offered["aw"] & ~bus.awready)
        known, ends = self._beats(m, "w", offered["aw"] & ~waits, bus.awlen, taken["w"])
        m.d.sync += [
            self.initiator(~offered["w"] | known, f"{self.name}: w before its address"),
            self.initiator(~offered["w"] | (bus.wlast == ends), f"{self.name}: wlast not with the last beat"),
        ]
        known, ends = self._beats(m, "r", taken["ar"], bus.arlen, taken["r"])
        m.d.sync += [
            self.target(~offered["r"] | known, f"{self.name}: r without a read"),
            self.target(~offered["r"] | (bus.rlast == ends), f"{self.name}: rlast not with the last beat"),
        ]
        addresses = self._owed(m, "addresses", taken["aw"], taken["b"])
        bursts = self._owed(m, "bursts", taken["w"] & bus.wlast, taken["b"])
        m.d.sync += self.target(~offered["b"] | (addresses.any() & bursts.any()), f"{self.name}: b without a write")
        return m

    def _burst(self, m: Module, channel: str, valid):
        """An offered burst is legal."""
        address, length, size, burst = (
            getattr(self.bus, f"{channel}{name}") for name in ("addr", "len", "size", "burst")
        )
        beat_bytes = len(self.bus.wdata) // 8
        low = (beat_bytes - 1).bit_length()
        rules = {
            "burst is not incrementing": burst == 0b01,
            "beats are not whole": size == low,
            "address is not aligned": ~address[:low].any(),
            f"more than {self.beats} beats": length < self.beats,
            "crosses 4 KiB": address[low:12] + length < (1 << 12 - low),
        }
        m.d.sync += [self.initiator(~valid | holds, f"{self.name} {channel}: {what}") for what, holds in rules.items()]

    def _beats(self, m: Module, name: str, begins, length, taken):
        """Whether a burst is known that the next beat belongs to, and whether that beat ends it."""
        m.submodules[f"{name}_lengths"] = lengths = fifo.SyncFIFO(width=8, depth=self.bursts)
        place, ends = Signal(8, name=f"{name}_place"), Signal(name=f"{name}_ends")
        m.d.comb += [
            lengths.w_en.eq(begins),
            lengths.w_data.eq(length),
            ends.eq(lengths.r_rdy & (place == lengths.r_data)),
            lengths.r_en.eq(taken & ends),
        ]
        with m.If(taken):
            m.d.sync += place.eq(Mux(ends, 0, place + 1))
        m.d.sync += Assert(lengths.w_rdy, f"{self.name}: more bursts at once than {type(self).__name__} can follow")
        return lengths.r_rdy, ends
