# SPDX-License-Identifier: Apache-2.0
"""The weight memory: one group of weight rows a word."""

from amaranth.hdl import Module, Mux, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.timing.conv import memory_way
from ..family import Family, device_of
from ..interfaces import LocalBus
from .local_port import LocalPort
from .ram import READ_LATENCY, SimpleRam

__all__ = ["WeightMemory", "weight_latency"]


def weight_latency(config: Config) -> int:
    """Cycles from a word's address to the word: the memory is spread over the whole chip, but for a small core
    of one command at a time. An address goes to more than a hundred blocks, in three steps."""
    return READ_LATENCY + 4 * memory_way(config)


class WeightMemory(Component):
    """``config.weight_words`` words of ``config.weight_rows`` rows.

    Its one read port is the array's; reads from the local bus wait until the array leaves it a cycle. Writes have a
    port of their own, but not in iCE40's single-port memories, where they wait as well.

    Members
    -------
    read, address → weights:
        The array's port, as many cycles later as :func:`weight_latency` says.
    soon:
        ``read`` is high in the next cycle.
    local:
        DMA and control windows.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "soon": In(1),
                "read": In(1),
                "address": In(range(config.weight_words)),
                "weights": Out(data.ArrayLayout(data.ArrayLayout(signed(8), config.columns), config.weight_rows)),
                "local": In(LocalBus(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        words, word_bytes = config.weight_words, config.weight_word_bytes
        way = memory_way(config)
        m.submodules.ram = ram = SimpleRam(words, 8 * word_bytes, granule=8, way=(3 * way, way), exclusive=True)
        m.submodules.port = port = LocalPort(
            config, words=words, word_bytes=word_bytes, read_cycles=ram.latency, way=2 * way
        )
        connect(m, flipped(self.local), port.bus)
        writes_apart = device_of(platform).family is not Family.ICE40
        m.d.comb += [
            # What is taken now is an access of the next cycle.
            port.ready.eq(~self.soon | (self.local.request.payload.write & writes_apart)),
            ram.read.eq(self.read | port.read),
            ram.read_address.eq(Mux(self.read, self.address, port.word)),
            ram.write.eq(port.write),
            ram.write_address.eq(port.word),
            ram.write_data.eq(port.write_data),
            port.read_data.eq(ram.data),
        ]
        for i in range(config.weight_rows):
            for c in range(config.columns):
                byte = i * config.column_bytes + c
                m.d.comb += self.weights[i][c].eq(ram.data[8 * byte : 8 * byte + 8])
        return m
