# SPDX-License-Identifier: Apache-2.0
"""ECP5's multiplier.

Facts: Lattice's "ECP5 and ECP5-5G sysDSP Usage Guide" (FPGA-TN-02205) and prjtrellis' timing data. From the clock of
the input registers to the product it takes 3.9 ns in speed grade 6, so that an output register right behind the
multiplier allows more than 200 MHz, and the pipeline register between is not needed. nextpnr times inputs and
outputs, 0.7 ns from clock to product, not what lies between.
"""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, signed
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["MULT18X18D"]

WIDTH = 18


class MULT18X18D(Component):
    """``product = a · b``, signed, two cycles later: registers at both inputs and at the output.

    Members
    -------
    a:
        18-bit factor.
    b, b_enable:
        18-bit factor, and whether its register takes it in this cycle. At most four different enables serve the four
        multipliers of a DSP block.
    product:
        36 bits.
    """

    def __init__(self):
        super().__init__(
            {
                "a": In(signed(WIDTH)),
                "b": In(signed(WIDTH)),
                "b_enable": In(1, init=1),
                "product": Out(signed(2 * WIDTH)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            self._model(m)
        else:
            m.submodules.cell = self._cell()
        return m

    def _model(self, m: Module) -> None:
        a, b = Signal(signed(WIDTH)), Signal(signed(WIDTH))
        m.d.sync += [a.eq(self.a), self.product.eq(a * b)]
        with m.If(self.b_enable):
            m.d.sync += b.eq(self.b)

    def _cell(self) -> Instance:
        ports = {f"i_A{i}": self.a[i] for i in range(WIDTH)}
        ports |= {f"i_B{i}": self.b[i] for i in range(WIDTH)}
        ports |= {f"o_P{i}": self.product[i] for i in range(2 * WIDTH)}
        return Instance(
            "MULT18X18D",
            p_REG_INPUTA_CLK="CLK0",
            p_REG_INPUTA_CE="CE0",
            p_REG_INPUTB_CLK="CLK0",
            p_REG_INPUTB_CE="CE1",
            p_REG_PIPELINE_CLK="NONE",
            p_REG_OUTPUT_CLK="CLK0",
            p_REG_OUTPUT_CE="CE0",
            p_GSR="DISABLED",
            p_RESETMODE="SYNC",
            i_CLK0=ClockSignal(),
            i_CE0=Const(1),
            i_CE1=self.b_enable,
            i_RST0=Const(0),
            i_SIGNEDA=Const(1),
            i_SIGNEDB=Const(1),
            i_SOURCEA=Const(0),
            i_SOURCEB=Const(0),
            **ports,
        )
