# SPDX-License-Identifier: Apache-2.0
"""Gowin's block RAM.

Facts: Gowin's "BSRAM & SSRAM User Guide" (UG285), and how yosys maps memories to the cells.
"""

from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["GowinBlock"]


class GowinBlock(Component):
    """An SDPB (port a writes, port b reads) or DPB (two ports that do both), with pipelined outputs, one clock.

    Members and behaviour as :class:`.ecp5_ram.DP16KD`.

    Parameters
    ----------
    width:
        Bits of a word on both ports, a key of :attr:`depths`.
    dual:
        Both ports read and write.
    """

    depths: ClassVar = {32: 512, 16: 1024, 8: 2048, 4: 4096, 2: 8192, 1: 16384}
    widest_dual = 16
    lane_bits = 8

    def __init__(self, width: int, *, dual: bool = False):
        if width not in self.depths or (dual and width > self.widest_dual):
            raise ValueError(f"width must be one of {', '.join(map(str, self.depths))}, not {width!r}")
        self.width, self.dual = width, dual
        self.lanes = max(1, width // self.lane_bits)
        port = {
            "enable": In(1),
            "write": In(1),
            "lanes": In(self.lanes),
            "address": In(range(self.depths[width])),
            "write_data": In(width),
            "data": Out(width),
        }
        super().__init__({f"{side}_{name}": member for side in "ab" for name, member in port.items()})

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            self._model(m)
        else:
            self._cell(m)
        return m

    def _port(self, side: str):
        names = ("enable", "write", "lanes", "address", "write_data", "data")
        return (getattr(self, f"{side}_{name}") for name in names)

    def _model(self, m: Module):
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.depths[self.width], init=[])
        for side in "ab":
            enable, write, lanes, address, written, data = self._port(side)
            writes, reads = self.dual or side == "a", self.dual or side == "b"
            if writes:
                port = memory.write_port(granularity=self.width // self.lanes)
                m.d.comb += [
                    port.addr.eq(address),
                    port.data.eq(written),
                    port.en.eq((enable & write).replicate(self.lanes) & lanes),
                ]
            if reads:
                port = memory.read_port()
                m.d.comb += [port.addr.eq(address), port.en.eq(enable & ~(write & writes))]
                m.d.sync += data.eq(port.data)

    def _cell(self, m: Module):
        pins = {"p_RESET_MODE": "SYNC"}
        for i, (side, letter) in enumerate((("a", "A"), ("b", "B"))):
            enable, write, lanes, address, written, data = self._port(side)
            # Unused low address bits; of words with several lanes they are the lanes' enables.
            low = (
                Const(0, 14 - len(address)) if self.lanes == 1 else Cat(lanes, Const(0, 14 - len(address) - self.lanes))
            )
            writes = write if self.lanes > 1 else write & lanes
            pins |= {
                f"p_BIT_WIDTH_{i}": self.width,
                f"p_BLK_SEL_{i}": Const(0, 3),
                f"i_BLKSEL{letter}": Const(0, 3),
                f"i_CLK{letter}": ClockSignal(),
                f"i_RESET{letter}": Const(0, 1),
                f"i_AD{letter}": Cat(low, address),
            }
            out = Signal(16 if self.dual else 32, name=f"{side}_out")
            wide = Cat(written, Const(0, len(out) - self.width))
            if self.dual:
                pins |= {
                    f"p_READ_MODE{i}": Const(1, 1), f"p_WRITE_MODE{i}": Const(0, 2), f"i_CE{letter}": enable,
                    f"i_OCE{letter}": Const(1, 1), f"i_WRE{letter}": writes, f"i_DI{letter}": wide,
                    f"o_DO{letter}": out,
                }  # fmt: skip
                m.d.comb += data.eq(out)
            elif side == "a":
                pins |= {"i_CEA": enable & writes, "i_DI": wide}
            else:
                pins |= {"p_READ_MODE": Const(1, 1), "i_CEB": enable, "i_OCE": Const(1, 1), "o_DO": out}
                m.d.comb += data.eq(out)
        m.submodules.cell = Instance("DPB" if self.dual else "SDPB", **pins)
