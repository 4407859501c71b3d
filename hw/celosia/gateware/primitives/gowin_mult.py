# SPDX-License-Identifier: Apache-2.0
"""Gowin's multipliers.

Facts: Gowin's "Digital Signal Processing User Guide" (UG287) for ports and registers, and the cells' declarations in
yosys. One CE and one RESET serve all registers of a cell. A factor comes from its port with ASEL, BSEL at 0, from
the neighbouring cell's shift register otherwise.
"""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["GowinMultiplier"]


class GowinMultiplier(Component):
    """A MULT9X9 or MULT18X18: ``product = a · b``, signed, two cycles later, with the pipeline register three.

    Parameters
    ----------
    width:
        9 or 18 bits a factor.
    pipelined:
        Between the registers at the inputs and at the output there is one more.
    """

    def __init__(self, width: int, *, pipelined: bool = False):
        if width not in (9, 18):
            raise ValueError(f"width must be 9 or 18, not {width!r}")
        self.width, self.pipelined = width, pipelined
        super().__init__({"a": In(signed(width)), "b": In(signed(width)), "product": Out(signed(2 * width))})

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            a, b = Signal(signed(self.width)), Signal(signed(self.width))
            m.d.sync += [a.eq(self.a), b.eq(self.b)]
            product = a * b
            if self.pipelined:
                product = Signal(signed(2 * self.width))
                m.d.sync += product.eq(a * b)
            m.d.sync += self.product.eq(product)
        else:
            m.submodules.cell = self._cell()
        return m

    def _cell(self) -> Instance:
        zero = Const(0, self.width)
        return Instance(
            f"MULT{self.width}X{self.width}",
            p_AREG=Const(1, 1),
            p_BREG=Const(1, 1),
            p_OUT_REG=Const(1, 1),
            p_PIPE_REG=Const(self.pipelined, 1),
            p_ASIGN_REG=Const(0, 1),
            p_BSIGN_REG=Const(0, 1),
            p_SOA_REG=Const(0, 1),
            p_MULT_RESET_MODE="SYNC",
            i_A=self.a,
            i_B=self.b,
            i_SIA=zero,
            i_SIB=zero,
            i_ASIGN=Const(1),
            i_BSIGN=Const(1),
            i_ASEL=Const(0),
            i_BSEL=Const(0),
            i_CE=Const(1),
            i_CLK=ClockSignal(),
            i_RESET=Const(0),
            o_DOUT=self.product,
        )
