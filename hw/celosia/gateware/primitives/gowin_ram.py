# SPDX-License-Identifier: Apache-2.0
"""Gowin's block RAM.

Facts: Gowin's "BSRAM & SSRAM User Guide" (UG285), and how yosys maps memories to the cells.
"""

from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal

from .block_ram import BlockRam

__all__ = ["GowinBlock"]


class GowinBlock(BlockRam):
    """An SDPB (port a writes, port b reads) or DPB (two ports that do both), with pipelined outputs.

    Parameters
    ----------
    width:
        Bits of a word on both ports, a key of :attr:`depths`; with ``dual`` at most :attr:`widest_dual`.
    dual:
        Both ports read and write.
    """

    depths: ClassVar = {32: 512, 16: 1024, 8: 2048, 4: 4096, 2: 8192, 1: 16384}
    widest_dual = 16
    lane_bits = 8

    def __init__(self, width: int, *, dual: bool = False):
        if dual and width > self.widest_dual:
            raise ValueError(f"width must be at most {self.widest_dual} where both ports read and write, not {width!r}")
        self.dual = dual
        super().__init__(width, writers="ab" if dual else "a", readers="ab" if dual else "b")

    def _cell(self, m: Module) -> None:
        pins = {"p_RESET_MODE": "SYNC"}
        for i, (side, letter) in enumerate((("a", "A"), ("b", "B"))):
            enable, write, lanes, address, written, data = self._port(side)
            writes = self._write_pin(write, lanes)
            pins |= {
                f"p_BIT_WIDTH_{i}": self.width,
                f"p_BLK_SEL_{i}": Const(0, 3),
                f"i_BLKSEL{letter}": Const(0, 3),
                f"i_CLK{letter}": ClockSignal(),
                f"i_RESET{letter}": Const(0, 1),
                f"i_AD{letter}": self._address_pins(lanes, address),
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
