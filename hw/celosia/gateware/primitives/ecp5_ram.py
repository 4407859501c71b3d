# SPDX-License-Identifier: Apache-2.0
"""ECP5's block RAM.

Facts: Lattice's "ECP5 and ECP5-5G Memory Usage Guide" (FPGA-TN-02204), and how yosys maps memories to the cell. In
nextpnr's timing data its output comes 5.8 ns after the clock edge without the output register; with it, the
register in the fabric can be anywhere.
"""

from typing import ClassVar

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["DP16KD"]


class DP16KD(Component):
    """A DP16KD with both output registers in use, in write mode NORMAL, one clock.

    With ``width`` 36 port a only writes and port b only reads. A read gives its word two cycles later on ``data``; in
    a cycle in which one port writes what the other reads, the word read is undefined.

    Parameters
    ----------
    width:
        Bits of a word on both ports, a key of :attr:`depths`.

    Members
    -------
    enable, write:
        The port is used in this cycle; it writes, otherwise it reads.
    address, write_data, data:
        Word index, the word to write, the word read.
    lanes:
        Which lanes of :attr:`lane_bits` bits are written (one lane if the word is narrower).

    Each with ``a_`` or ``b_`` in front.
    """

    depths: ClassVar = {36: 512, 18: 1024, 9: 2048, 4: 4096, 2: 8192, 1: 16384}
    """Words by width."""

    widest_dual = 18
    """The widest word with two ports that both read and write."""

    lane_bits = 9

    def __init__(self, width: int):
        if width not in self.depths:
            raise ValueError(f"width must be one of {', '.join(map(str, self.depths))}, not {width!r}")
        self.width = width
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

    def _model(self, m: Module):
        m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.depths[self.width], init=[])
        for side in "ab":
            enable, write, lanes, address, written, data = self._port(side)
            write_port = memory.write_port(granularity=self.width // self.lanes)
            read_port = memory.read_port()
            m.d.comb += [
                write_port.addr.eq(address),
                write_port.data.eq(written),
                write_port.en.eq((enable & write).replicate(self.lanes) & lanes),
                read_port.addr.eq(address),
                read_port.en.eq(enable & ~write),
            ]
            m.d.sync += data.eq(read_port.data)

    def _port(self, side: str):
        names = ("enable", "write", "lanes", "address", "write_data", "data")
        return (getattr(self, f"{side}_{name}") for name in names)

    def _cell(self, m: Module):
        pins = {"p_GSR": "DISABLED"}
        outputs = {}
        for side, letter in (("a", "A"), ("b", "B")):
            enable, write, lanes, address, written, _ = self._port(side)
            # Unused low address bits; of words with several lanes they are the lanes' enables.
            low = (
                Const(0, 14 - len(address)) if self.lanes == 1 else Cat(lanes, Const(0, 14 - len(address) - self.lanes))
            )
            pins |= {
                f"p_DATA_WIDTH_{letter}": self.width,
                f"p_REGMODE_{letter}": "OUTREG",
                f"p_WRITEMODE_{letter}": "NORMAL",
                f"i_CLK{letter}": ClockSignal(),
                f"i_RST{letter}": Const(0, 1),
                f"i_CE{letter}": enable,
                f"i_OCE{letter}": Const(1, 1),
                f"i_WE{letter}": write if self.lanes > 1 else write & lanes,
            }
            pins |= {f"i_CS{letter}{i}": Const(0, 1) for i in range(3)}
            pins |= {f"i_AD{letter}{i}": bit for i, bit in enumerate(Cat(low, address))}
            outputs[side] = Signal(18, name=f"{side}_out")
            pins |= {f"o_DO{letter}{i}": bit for i, bit in enumerate(outputs[side])}
            if self.width < 36:
                pins |= {f"i_DI{letter}{i}": bit for i, bit in enumerate(written)}
                m.d.comb += getattr(self, f"{side}_data").eq(outputs[side])
        if self.width == 36:
            pins |= {f"i_DI{'AB'[i // 18]}{i % 18}": bit for i, bit in enumerate(self.a_write_data)}
            m.d.comb += self.b_data.eq(Cat(outputs["a"], outputs["b"]))
        m.submodules.cell = Instance("DP16KD", **pins)
