# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE, each by itself, at the external and the local bus, with any memory and any abort.

Addresses and sizes are small numbers here, which makes the proof short; :mod:`formal.test_bursts` has all of them.
"""

import pytest
from amaranth.hdl import Array, Assert, Assume, Const, Cover, Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from celosia.arch.config import preset
from celosia.arch.isa import Space, Transfer
from celosia.arch.registers import space_bytes
from celosia.gateware.control.dma import Dma
from celosia.gateware.control.dma.bursts import BURST_BEATS
from celosia.gateware.interfaces import AXI4, EngineSignature, LocalBus
from support.axi_rules import Axi4Rules, Stable

from .proving import check, reach, started

CONFIG = preset("c16").replace(name="proved", address_bits=20)
DEPTH = 19
SMALL = 8  # bits


class Watched(Component):
    """An engine, free inputs, and what must hold.

    ::

        command ──────► Dma ──► memory: Axi4Rules
        base, size ───►  │ ───► local: stable; inside the memories

    Parameters
    ----------
    engine:
        "load" or "store"; the other one never gets a command."""

    def __init__(self, engine: str):
        self.engine = engine
        super().__init__(
            {
                "memory": Out(AXI4(CONFIG.address_bits, CONFIG.bus_bits)),
                "command": In(EngineSignature()),
                "local": Out(LocalBus(CONFIG)),
                "load_pending": In(1),
                "base": In(32),
                "size": In(32),
                "abort": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.dma = dma = Dma(CONFIG)
        connect(m, dma.memory, flipped(self.memory))
        connect(m, flipped(self.command), getattr(dma, self.engine))
        connect(m, getattr(dma, f"{self.engine}_local"), flipped(self.local))
        m.d.comb += [
            dma.load_pending.eq(self.load_pending),
            dma.external_base.eq(self.base),
            dma.external_size.eq(self.size),
            dma.abort.eq(self.abort),
        ]
        m.submodules.rules = Axi4Rules("memory", self.memory, beats=BURST_BEATS, target=Assume, bursts=DEPTH)
        m.d.comb += Cover(self.command.finished)
        self._suppose(m)
        self._inside_memories(m)
        return m

    def _suppose(self, m: Module):
        """Steady bounds; commands the sequencer lets pass; one local answer for each read."""
        first, base, size = Signal(init=1), Signal(32), Signal(32)
        m.d.sync += [first.eq(0), base.eq(self.base), size.eq(self.size)]
        m.d.comb += Assume(first | ((self.base == base) & (self.size == size)))
        command, request = self.command.command, self.local.request
        transfer = Transfer(command.payload.as_value())
        m.d.comb += Assume(~command.valid | (transfer.row_bytes.any() & transfer.rows.any()))
        for name in ("external_address", "external_stride", "local_address", "local_stride", "row_bytes"):
            m.d.comb += Assume(~getattr(transfer, name)[SMALL:].any())
        m.d.comb += Assume(~self.base[SMALL:].any() & ~self.size[SMALL:].any())
        owed = Signal(range(DEPTH + 1))
        asks = request.valid & request.ready & ~request.payload.write
        m.d.sync += owed.eq(owed + asks - self.local.valid)
        m.d.comb += Assume(owed.any() | ~self.local.valid)

    def _inside_memories(self, m: Module):
        request, writes = self.local.request, self.engine == "load"
        sizes = Array(Const(space_bytes(CONFIG, space), 32) for space in sorted(Space, key=lambda s: s.value))
        payload = request.payload
        m.submodules.stable = Stable("local", request.valid, request.ready, payload.as_value())
        m.d.sync += [
            Assert(~request.valid | (payload.address < sizes[payload.space.as_value()]), "behind a local memory"),
            Assert(~request.valid | (payload.write == writes), "the wrong direction"),
        ]


@pytest.mark.parametrize("engine", ["load", "store"])
def test_both_buses_are_used_as_they_must(engine, tmp_path):
    check(Watched(engine), tmp_path, depth=DEPTH)


@pytest.mark.parametrize("engine", ["load", "store"])
def test_a_command_finishes_within_the_proof(engine, tmp_path):
    reach(Watched(engine), tmp_path, depth=DEPTH)
