# SPDX-License-Identifier: Apache-2.0
"""The memory that holds the commands."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import COMMAND_BYTES
from ...arch.timing.conv import memory_way
from ..interfaces import LocalBus
from ..memory.local_port import LocalPort
from ..memory.ram import READ_LATENCY, SimpleRam

__all__ = ["COMMAND_WORDS", "FETCH_BITS", "FETCH_LATENCY", "ProgramMemory"]

FETCH_BITS = 64
"""Bits the sequencer reads a cycle, whatever the width of the bus."""

COMMAND_WORDS = 8 * COMMAND_BYTES // FETCH_BITS

FETCH_LATENCY = 1 + READ_LATENCY
"""Cycles from ``fetch_address`` to ``fetch_data``."""


class ProgramMemory(Component):
    """``config.program_commands`` commands of :data:`COMMAND_WORDS` words each.

    Its one read port is the sequencer's; reads from the local bus wait until that leaves it a cycle. A word fetched in
    the very cycle in which it is written is undefined: a program being run is not rewritten at the commands it is
    about to reach.

    Members
    -------
    local:
        Control windows and DMA.
    busy, fetch, fetch_address → fetch_data:
        The sequencer's port: whether it may read, whether it does, a word's index, and :data:`FETCH_LATENCY` cycles
        later the word.
    """

    local: "LocalBus"
    busy: Signal
    fetch: Signal
    fetch_address: Signal
    fetch_data: Signal

    def __init__(self, config: Config):
        self.config = config
        self.words = config.program_commands * COMMAND_WORDS
        super().__init__(
            {
                "local": In(LocalBus(config)),
                "busy": In(1),
                "fetch": In(1),
                "fetch_address": In(range(self.words)),
                "fetch_data": Out(FETCH_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = SimpleRam(self.words, FETCH_BITS, granule=8)
        m.submodules.port = port = LocalPort(
            self.config,
            words=self.words,
            word_bytes=FETCH_BITS // 8,
            read_cycles=READ_LATENCY,
            way=memory_way(self.config),
        )
        connect(m, flipped(self.local), port.bus)
        fetching, address = Signal(), Signal.like(self.fetch_address, reset_less=True)
        m.d.sync += [fetching.eq(self.fetch), address.eq(self.fetch_address)]
        m.d.comb += [
            port.ready.eq(~self.busy | self.local.request.payload.write),  # what is taken leaves beside ``fetching``
            ram.read.eq(fetching | port.read),
            ram.read_address.eq(Mux(fetching, address, port.word)),
            self.fetch_data.eq(ram.data),
            ram.write.eq(port.write),
            ram.write_address.eq(port.word),
            ram.write_data.eq(port.write_data),
            port.read_data.eq(ram.data),
        ]
        return m
