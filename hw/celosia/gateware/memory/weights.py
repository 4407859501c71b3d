# SPDX-License-Identifier: Apache-2.0
"""The weight memory: one group of weight rows a word."""

from amaranth.hdl import Module, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ..interfaces import LocalBus
from .ram import LocalPort, Ram

__all__ = ["WeightMemory"]


class WeightMemory(Component):
    """``config.weight_words`` words of ``config.weight_rows`` rows.

    Members
    -------
    read, address → weights:
        The array's port, :data:`.ram.READ_LATENCY` cycles.
    local:
        DMA and control windows.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "read": In(1),
                "address": In(range(config.weight_words)),
                "weights": Out(data.ArrayLayout(data.ArrayLayout(signed(8), config.columns), config.weight_rows)),
                "local": In(LocalBus(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.ram = ram = Ram(config.weight_words, config.weight_word_bytes)
        m.submodules.port = port = LocalPort(config, words=config.weight_words, word_bytes=config.weight_word_bytes)
        connect(m, flipped(self.local), port.bus)
        m.d.comb += [
            ram.a_read.eq(self.read),
            ram.a_address.eq(self.address),
            ram.b_read.eq(port.read),
            ram.b_address.eq(port.word),
            ram.b_write.eq(port.write),
            ram.b_write_data.eq(port.write_data),
            port.read_data.eq(ram.b_data),
        ]
        for i in range(config.weight_rows):
            for c in range(config.columns):
                byte = i * config.column_bytes + c
                m.d.comb += self.weights[i][c].eq(ram.a_data[8 * byte : 8 * byte + 8])
        return m
