# SPDX-License-Identifier: Apache-2.0
"""The signatures blocks meet at: the two AXI buses outside, the local bus and the engines inside."""

from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out, Signature

from ..arch.config import Config
from ..arch.isa import Command, Space
from ..arch.registers import window_bits

__all__ = ["AXI4", "AXI4Lite", "EngineSignature", "LocalBus", "local_request"]


class AXI4Lite(Signature):
    """AXI4-Lite, 32-bit data, as the initiator sees it (a target's member is ``In``)."""

    def __init__(self, address_bits: int):
        super().__init__(
            {
                "awaddr": Out(address_bits), "awprot": Out(3), "awvalid": Out(1), "awready": In(1),
                "wdata": Out(32), "wstrb": Out(4), "wvalid": Out(1), "wready": In(1),
                "bresp": In(2), "bvalid": In(1), "bready": Out(1),
                "araddr": Out(address_bits), "arprot": Out(3), "arvalid": Out(1), "arready": In(1),
                "rdata": In(32), "rresp": In(2), "rvalid": In(1), "rready": Out(1),
            }
        )  # fmt: skip


class AXI4(Signature):
    """AXI4 without user, region and QoS signals, one ID bit, as the initiator sees it."""

    def __init__(self, address_bits: int, data_bits: int):
        super().__init__(
            {
                "awid": Out(1), "awaddr": Out(address_bits), "awlen": Out(8), "awsize": Out(3), "awburst": Out(2),
                "awlock": Out(1), "awcache": Out(4), "awprot": Out(3), "awvalid": Out(1), "awready": In(1),
                "wdata": Out(data_bits), "wstrb": Out(data_bits // 8), "wlast": Out(1),
                "wvalid": Out(1), "wready": In(1),
                "bid": In(1), "bresp": In(2), "bvalid": In(1), "bready": Out(1),
                "arid": Out(1), "araddr": Out(address_bits), "arlen": Out(8), "arsize": Out(3), "arburst": Out(2),
                "arlock": Out(1), "arcache": Out(4), "arprot": Out(3), "arvalid": Out(1), "arready": In(1),
                "rid": In(1), "rdata": In(data_bits), "rresp": In(2), "rlast": In(1),
                "rvalid": In(1), "rready": Out(1),
            }
        )  # fmt: skip


def local_request(config: Config) -> data.StructLayout:
    """Layout of one beat's request on the local bus."""
    return data.StructLayout(
        {
            "space": Space,
            "address": window_bits(config),  # in bytes, a multiple of the bus width in bytes
            "write": 1,
            "data": config.bus_bits,
            "strobe": config.bus_bits // 8,  # of a write, one bit a byte
        }
    )


class LocalBus(Signature):
    """The bus on which DMA and control windows reach the local memories, as the initiator sees it.

    ``request`` is a stream. A write needs no answer. A read's data appear on ``data`` in a later cycle,
    with ``valid`` high for that one cycle, in the order of the requests; the initiator must be able to
    take it (it asks for no more than it has room for).
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "request": Out(stream.Signature(local_request(config))),
                "valid": In(1),
                "data": In(config.bus_bits),
            }
        )


class EngineSignature(Signature):
    """How the sequencer drives an engine, as the sequencer sees it.

    A transfer on ``command`` hands a command over (its dependencies are met). Its payload is there a cycle before
    ``valid``; without ``config.overlap`` it stays until the command has finished. ``finished`` pulses for one cycle per
    command, in order, once its last effect is visible to every other engine. ``busy`` is high while the engine has any
    command unfinished.
    """

    def __init__(self):
        super().__init__({"command": Out(stream.Signature(Command)), "finished": In(1), "busy": In(1)})
