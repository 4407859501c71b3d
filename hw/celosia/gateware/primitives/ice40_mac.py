# SPDX-License-Identifier: Apache-2.0
"""iCE40UP's multiplier.

Facts: Lattice's "DSP Function Usage Guide for iCE40 Devices" (FPGA-TN-02007) and yosys' simulation model of SB_MAC16.
Inputs hold while AHOLD, BHOLD are high. As two 8x8 multipliers (MODE_8x8), the upper halves of A and B give the upper
half of the output. Output selections: 1 is the register behind the adder, which adds port C or D (0 here); 3 the 16x16
product.
"""

from typing import Any

from amaranth.hdl import Cat, ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from ..delay import delay
from ..family import device_of

__all__ = ["Multiplier16", "TwoMultipliers"]


def _mac(**settings: Any) -> Instance:
    """An SB_MAC16 with registers at its inputs, and its unused inputs at 0."""
    zeros = ("AHOLD", "CHOLD", "DHOLD", "IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "OLOADTOP", "OLOADBOT")
    zeros += ("ADDSUBTOP", "ADDSUBBOT", "OHOLDTOP", "OHOLDBOT", "CI", "ACCUMCI", "SIGNEXTIN")
    ports: dict[str, Any] = {f"i_{name}": Const(0) for name in zeros}
    ports |= {"i_C": Const(0, 16), "i_D": Const(0, 16), "i_CE": Const(1), "i_CLK": ClockSignal()}
    return Instance("SB_MAC16", p_A_REG=Const(1, 1), p_B_REG=Const(1, 1), **ports, **settings)


class TwoMultipliers(Component):
    """Two products of one int8, ``product[i] = a · b[i]``, three cycles later.

    Members
    -------
    a:
        The common factor.
    b, b_enable:
        The others, and whether their register takes them in this cycle.
    """

    def __init__(self):
        super().__init__(
            {
                "a": In(signed(8)),
                "b": In(signed(8)).array(2),
                "b_enable": In(1),
                "product": Out(signed(16)).array(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            a, b = Signal(signed(8)), [Signal(signed(8), name=f"b_{i}") for i in range(2)]
            m.d.sync += a.eq(self.a)
            for i in range(2):
                product = Signal(signed(16), name=f"multiplied_{i}")
                m.d.sync += [product.eq(a * b[i]), self.product[i].eq(product)]
                with m.If(self.b_enable):
                    m.d.sync += b[i].eq(self.b[i])
        else:
            m.submodules.cell = _mac(
                p_MODE_8x8=Const(1, 1),
                p_A_SIGNED=Const(1, 1),
                p_B_SIGNED=Const(1, 1),
                p_TOP_8x8_MULT_REG=Const(1, 1),
                p_BOT_8x8_MULT_REG=Const(1, 1),
                p_TOPOUTPUT_SELECT=Const(1, 2),
                p_TOPADDSUB_LOWERINPUT=Const(1, 2),
                p_TOPADDSUB_UPPERINPUT=Const(1, 1),
                p_BOTOUTPUT_SELECT=Const(1, 2),
                p_BOTADDSUB_LOWERINPUT=Const(1, 2),
                p_BOTADDSUB_UPPERINPUT=Const(1, 1),
                i_A=Cat(self.a, self.a),
                i_B=Cat(*self.b),
                i_BHOLD=~self.b_enable,
                o_O=Cat(*self.product),
            )
        return m


class Multiplier16(Component):
    """``product = a · b`` of two 16-bit numbers, two cycles later.

    Parameters
    ----------
    a_signed, b_signed:
        Whether a factor is two's complement.
    late:
        One cycle more, in the output register.
    """

    def __init__(self, *, a_signed: bool = False, b_signed: bool = False, late: bool = False):
        self.a_signed, self.b_signed, self.late = a_signed, b_signed, late
        super().__init__({"a": In(16), "b": In(16), "product": Out(32)})

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            a, b, product = Signal(16), Signal(16), Signal(32)
            m.d.sync += [
                a.eq(self.a),
                b.eq(self.b),
                product.eq((a.as_signed() if self.a_signed else a) * (b.as_signed() if self.b_signed else b)),
            ]
            m.d.comb += self.product.eq(delay(m, product, int(self.late), "product_late"))
        else:
            m.submodules.cell = _mac(
                p_A_SIGNED=Const(self.a_signed, 1),
                p_B_SIGNED=Const(self.b_signed, 1),
                p_PIPELINE_16x16_MULT_REG2=Const(1, 1),
                p_TOPOUTPUT_SELECT=Const(1 if self.late else 3, 2),
                p_TOPADDSUB_LOWERINPUT=Const(2, 2),
                p_TOPADDSUB_UPPERINPUT=Const(1, 1),
                p_BOTOUTPUT_SELECT=Const(1 if self.late else 3, 2),
                p_BOTADDSUB_LOWERINPUT=Const(2, 2),
                p_BOTADDSUB_UPPERINPUT=Const(1, 1),
                i_A=self.a,
                i_B=self.b,
                i_BHOLD=Const(0),
                o_O=self.product,
            )
        return m
