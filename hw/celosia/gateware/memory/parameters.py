# SPDX-License-Identifier: Apache-2.0
"""The parameter memory: bias, multiplier and exponent of each output channel."""

from amaranth.hdl import Cat, Module, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.registers import PARAMETER_BYTES
from ..interfaces import LocalBus
from .ram import LocalPort, Ram

__all__ = ["ParameterMemory", "Record", "Scale"]


class Scale(data.Struct):
    """A requantization: ``x · multiplier · 2^(exponent − 31)`` with TFLM's two roundings."""

    multiplier: unsigned(31)
    exponent: signed(7)


class Record(data.Struct):
    """One output channel."""

    bias: signed(32)
    scale: Scale


class ParameterMemory(Component):
    """``config.parameter_records`` records: two block RAMs side by side, 8 bytes and 1 byte of each 16.

    Members
    -------
    read, address → record:
        The prefetcher's port, :data:`.ram.READ_LATENCY` cycles.
    local:
        DMA and control windows; 16 bytes a record.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "read": In(1),
                "address": In(range(config.parameter_records)),
                "record": Out(Record),
                "local": In(LocalBus(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        records = self.config.parameter_records
        m.submodules.wide = wide = Ram(records, 8)
        m.submodules.narrow = narrow = Ram(records, 1)
        m.submodules.port = port = LocalPort(self.config, words=records, word_bytes=PARAMETER_BYTES)
        connect(m, flipped(self.local), port.bus)
        for ram, low in ((wide, 0), (narrow, 8)):
            m.d.comb += [
                ram.a_read.eq(self.read),
                ram.a_address.eq(self.address),
                ram.b_read.eq(port.read),
                ram.b_address.eq(port.word),
                ram.b_write.eq(port.write[low : low + ram.word_bytes]),
                ram.b_write_data.eq(port.write_data[8 * low : 8 * (low + ram.word_bytes)]),
            ]
        m.d.comb += [
            port.read_data.eq(Cat(wide.b_data, narrow.b_data)),
            self.record.bias.eq(wide.a_data[:32]),
            self.record.scale.multiplier.eq(wide.a_data[32:63]),
            self.record.scale.exponent.eq(narrow.a_data),
        ]
        return m
