# SPDX-License-Identifier: Apache-2.0
"""ECP5's block RAM.

Facts: Lattice's "ECP5 and ECP5-5G Memory Usage Guide" (FPGA-TN-02204), and how yosys maps memories to the cell. In
nextpnr's timing data its output comes 5.8 ns after the clock edge without the output register; with it, the
register in the fabric can be anywhere.
"""

from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal

from .block_ram import BlockRam

__all__ = ["DP16KD"]


class DP16KD(BlockRam):
    """A DP16KD with both output registers in use, in write mode NORMAL. With ``width`` 36 port a only writes and port b
    only reads."""

    depths: ClassVar = {36: 512, 18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}
    widest_dual = 18
    lane_bits = 9

    def __init__(self, width: int):
        both = width <= self.widest_dual
        super().__init__(width, writers="ab" if both else "a", readers="ab" if both else "b")

    def _cell(self, m: Module) -> None:
        pins = {"p_GSR": "DISABLED"}
        outputs = {}
        for side, letter in (("a", "A"), ("b", "B")):
            enable, write, lanes, address, written, _ = self._port(side)
            pins |= {
                f"p_DATA_WIDTH_{letter}": self.width,
                f"p_REGMODE_{letter}": "OUTREG",
                f"p_WRITEMODE_{letter}": "NORMAL",
                f"i_CLK{letter}": ClockSignal(),
                f"i_RST{letter}": Const(0, 1),
                f"i_CE{letter}": enable,
                f"i_OCE{letter}": Const(1, 1),
                f"i_WE{letter}": self._write_pin(write, lanes),
            }
            pins |= {f"i_CS{letter}{i}": Const(0, 1) for i in range(3)}
            pins |= {f"i_AD{letter}{i}": bit for i, bit in enumerate(self._address_pins(lanes, address))}
            outputs[side] = Signal(18, name=f"{side}_out")
            pins |= {f"o_DO{letter}{i}": bit for i, bit in enumerate(outputs[side])}
            if self.width < 36:
                pins |= {f"i_DI{letter}{i}": bit for i, bit in enumerate(written)}
                m.d.comb += getattr(self, f"{side}_data").eq(outputs[side])
        if self.width == 36:
            pins |= {f"i_DI{'AB'[i // 18]}{i % 18}": bit for i, bit in enumerate(self.a_write_data)}
            m.d.comb += self.b_data.eq(Cat(outputs["a"], outputs["b"]))
        m.submodules.cell = Instance("DP16KD", **pins)
