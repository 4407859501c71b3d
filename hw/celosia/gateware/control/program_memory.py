# SPDX-License-Identifier: Apache-2.0
"""The memory that holds the commands."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import COMMAND_BYTES
from ..interfaces import LocalBus
from ..memory.ram import READ_LATENCY, LocalPort, Ram

__all__ = ["COMMAND_WORDS", "FETCH_BITS", "FETCH_LATENCY", "ProgramMemory"]

FETCH_BITS = 64
"""Bits the sequencer reads a cycle, whatever the width of the bus."""

COMMAND_WORDS = 8 * COMMAND_BYTES // FETCH_BITS

FETCH_LATENCY = READ_LATENCY
"""Cycles from ``fetch_address`` to ``fetch_data``."""


class ProgramMemory(Component):
    """``config.program_commands`` commands of :data:`COMMAND_WORDS` words each.

    Both ports work every cycle. A word fetched in the very cycle in which it is written is undefined: a
    program being run is not rewritten at the commands it is about to reach.

    Members
    -------
    local:
        Control windows and DMA.
    fetch_address → fetch_data:
        The sequencer's port: a word's index, and :data:`FETCH_LATENCY` cycles later the word.
    """

    local: "LocalBus"
    fetch_address: Signal
    fetch_data: Signal

    def __init__(self, config: Config):
        self.config = config
        self.words = config.program_commands * COMMAND_WORDS
        super().__init__(
            {
                "local": In(LocalBus(config)),
                "fetch_address": In(range(self.words)),
                "fetch_data": Out(FETCH_BITS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = Ram(self.words, FETCH_BITS // 8)
        m.submodules.port = port = LocalPort(self.config, words=self.words, word_bytes=FETCH_BITS // 8)
        connect(m, flipped(self.local), port.bus)
        m.d.comb += [
            ram.a_read.eq(1),
            ram.a_address.eq(self.fetch_address),
            self.fetch_data.eq(ram.a_data),
            ram.b_read.eq(port.read),
            ram.b_address.eq(port.word),
            ram.b_write.eq(port.write),
            ram.b_write_data.eq(port.write_data),
            port.read_data.eq(ram.b_data),
        ]
        return m
