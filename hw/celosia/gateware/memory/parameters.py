# SPDX-License-Identifier: Apache-2.0
"""The parameter memory: bias, multiplier and exponent of each output channel."""

from amaranth.hdl import Cat, Module, Mux, Value, signed, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.registers import PARAMETER_BYTES
from ...arch.timing.conv import memory_way
from ..delay import delay
from ..interfaces import LocalBus
from .local_port import LocalPort
from .ram import READ_LATENCY, SimpleRam

__all__ = ["KEPT_BYTES", "ParameterMemory", "Record", "Scale"]

KEPT_BYTES = 9
"""Bias, multiplier, exponent; the rest of a record is padding and reads 0."""


class Scale(data.Struct):
    """A requantization: ``x · multiplier · 2^(exponent − 31)`` with TFLM's two roundings."""

    multiplier: unsigned(31)
    exponent: signed(7)

    @property
    def left(self) -> Value:
        """How far to shift left before the multiplication: the exponent, if it is positive."""
        return Mux(self.exponent[-1], 0, self.exponent[:3])


class Record(data.Struct):
    """One output channel."""

    bias: signed(32)
    scale: Scale


class ParameterMemory(Component):
    """``config.parameter_records`` records, of whose 16 bytes 9 are kept.

    Its one read port is the prefetcher's; reads from the local bus wait while that is busy.

    Members
    -------
    read, address → record:
        The prefetcher's port, :func:`celosia.arch.timing.conv.record_latency` cycles.
    busy:
        The prefetcher may read: a register, where ``read`` itself would come too late for the local bus.
    local:
        DMA and control windows; 16 bytes a record.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "busy": In(1),
                "read": In(1),
                "address": In(range(config.parameter_records)),
                "record": Out(Record),
                "local": In(LocalBus(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        records, way = self.config.parameter_records, memory_way(self.config)
        m.submodules.ram = ram = SimpleRam(records, 8 * KEPT_BYTES, granule=8)
        m.submodules.port = port = LocalPort(
            self.config,
            words=records,
            word_bytes=PARAMETER_BYTES,
            read_cycles=READ_LATENCY,
            way=way,
        )
        connect(m, flipped(self.local), port.bus)
        reading = delay(m, self.read, 1 + way, "reading")
        address = delay(m, self.address, 1 + way, "address", reset_less=True)
        busy = delay(m, self.busy, way, "busy")
        m.d.comb += [
            port.ready.eq(~busy | self.local.request.payload.write),  # what is taken leaves beside ``reading``
            ram.read.eq(reading | port.read),
            ram.read_address.eq(Mux(reading, address, port.word)),
            ram.write.eq(port.write),
            ram.write_address.eq(port.word),
            ram.write_data.eq(port.write_data),
            port.read_data.eq(ram.data),
            self.record.eq(Cat(ram.data[:63], ram.data[64:])),
        ]
        return m
