# SPDX-License-Identifier: Apache-2.0
"""The clock of the whole system, and how it starts.

::

    crystal ─► PLL ─── an output ───────► gate ─► sync clock, no reset anywhere    (ECP5)
                │                          ▲
                └─ another ─► locked for 15 µs

    crystal ─► PLL ─┬────────────────────────► sync clock                          (Gowin, iCE40)
                    └─► locked for 15 µs ────► sync reset

Every register has its initial value when configuration ends, and keeps it while it gets no clock. So a clock that
starts only when the PLL has settled makes a reset superfluous, and with it a net to every register of the design:
nextpnr-ecp5 routes that through the fabric, where it would limit the clock. nextpnr-ice40 puts it on a global
network (leaving it out saves 1 % of the LUTs, no more), and Gowin's clock gates are one a quadrant, which the placer
does not always find: so there the registers are reset.
"""

from typing import Any

from amaranth.hdl import Cat, ClockDomain, ClockSignal, Const, Elaboratable, Instance, Module, ResetSignal, Signal
from amaranth.lib import io

from ..gateware.family import Family
from .pll import Pll

__all__ = ["SETTLE_SECONDS", "Clocking"]

SETTLE_SECONDS = 15e-6
"""From the PLL's lock to the first clock edge. iCE40 block RAM reads zeros for some 3 µs after configuration."""


class Clocking(Elaboratable):
    """Makes the domain ``sync`` from the board's crystal, the platform's default clock.

    Parameters
    ----------
    pll:
        Setting of the PLL, for the platform's family.
    """

    def __init__(self, pll: Pll):
        self.pll = pll

    def elaborate(self, platform):
        m = Module()
        body = {Family.ECP5: _ecp5, Family.GOWIN: _gowin, Family.ICE40: _ice40}[self.pll.family]
        body(m, platform, self.pll)
        return m


def _settled(m: Module, clock: Signal, locked: Signal, hz: float) -> Signal:
    """High from `SETTLE_SECONDS` after `locked` on, for as long as it stays; in the domain ``start`` of `clock`."""
    m.domains.start = ClockDomain("start", reset_less=True, local=True)
    m.d.comb += ClockSignal("start").eq(clock)
    bits = (int(SETTLE_SECONDS * hz)).bit_length()
    count = Signal(bits)
    synchronized, full, settled = Signal(2), Signal(), Signal()
    m.d.start += [
        synchronized.eq(Cat(locked, synchronized)),
        count.eq(count + 1),
        full.eq(count.all()),  # a register of its own: this must not be what limits the clock
        settled.eq(settled | full),
    ]
    with m.If(~synchronized[1]):
        m.d.start += [count.eq(0), full.eq(0), settled.eq(0)]
    return settled


def _ecp5(m: Module, platform: Any, pll: Pll):
    m.submodules.crystal = crystal = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
    dividers = dict(pll.dividers)
    feedback, second, locked, gated = Signal(), Signal(), Signal(), Signal()
    # The gate and what opens it have an output of the PLL each: a net that goes to registers is led away from the PLL
    # by a clock network, which does not reach the gates.
    if "CLKOS_DIV" in dividers:
        output, start, start_hz = second, feedback, pll.pfd_hz * dividers["CLKFB_DIV"]
    else:
        output, start, start_hz = feedback, second, pll.output_hz
        dividers["CLKOS_DIV"] = dividers["CLKOP_DIV"]
    parameters: dict[str, Any] = {f"p_{name}": value for name, value in dividers.items()}
    parameters |= {f"p_OUTDIVIDER_MUX{letter}": f"DIV{letter}" for letter in "ABCD"}
    # The coarse phase is a divider less one: the output's rising edge is the feedback's.
    parameters |= {"p_CLKOP_CPHASE": dividers["CLKOP_DIV"] - 1, "p_CLKOP_FPHASE": 0, "p_CLKOP_ENABLE": "ENABLED"}
    parameters |= {"p_CLKOS_CPHASE": dividers["CLKOS_DIV"] - 1, "p_CLKOS_FPHASE": 0, "p_CLKOS_ENABLE": "ENABLED"}
    m.submodules.pll = Instance(
        "EHXPLLL",
        # Loop filter and charge pump as Project Trellis' ecppll sets them.
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_FEEDBK_PATH="CLKOP",
        **parameters,
        i_CLKI=crystal.i,
        i_CLKFB=feedback,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=feedback,
        o_CLKOS=second,
        o_LOCK=locked,
    )
    settled = _settled(m, start, locked, start_hz)
    m.submodules.gate = Instance("DCCA", i_CLKI=output, i_CE=settled, o_CLKO=gated)
    m.domains.sync = ClockDomain("sync", reset_less=True)
    m.d.comb += ClockSignal("sync").eq(gated)


def _gowin(m: Module, platform: Any, pll: Pll):
    m.submodules.crystal = crystal = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
    output, locked = Signal(), Signal()
    m.submodules.pll = Instance(
        "rPLL",
        p_FCLKIN=f"{pll.input_hz / 1e6:g}",
        p_DEVICE=platform.family,
        **{f"p_{name}": value for name, value in pll.dividers},
        p_DYN_IDIV_SEL="false",
        p_DYN_FBDIV_SEL="false",
        p_DYN_ODIV_SEL="false",
        p_PSDA_SEL="0000",
        p_DYN_DA_EN="false",
        p_DUTYDA_SEL="1000",
        p_CLKOUT_FT_DIR=Const(1, 1),
        p_CLKOUTP_FT_DIR=Const(1, 1),
        p_CLKOUT_DLY_STEP=0,
        p_CLKOUTP_DLY_STEP=0,
        p_CLKFB_SEL="internal",
        p_CLKOUT_BYPASS="false",
        p_CLKOUTP_BYPASS="false",
        p_CLKOUTD_BYPASS="false",
        p_CLKOUTD_SRC="CLKOUT",
        p_CLKOUTD3_SRC="CLKOUT",
        p_DYN_SDIV_SEL=2,
        i_CLKIN=crystal.i,
        i_CLKFB=Const(0),
        i_RESET=Const(0),
        i_RESET_P=Const(0),
        i_FBDSEL=Const(0, 6),
        i_IDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=output,
        o_LOCK=locked,
    )
    settled = _settled(m, output, locked, pll.output_hz)
    m.domains.sync = ClockDomain("sync")
    m.d.comb += [ClockSignal("sync").eq(output), ResetSignal("sync").eq(~settled)]


def _ice40(m: Module, platform: Any, pll: Pll):
    dividers = dict(pll.dividers)
    output, locked = Signal(), Signal()
    # Loop filter by the frequency of the phase detector, as Project IceStorm's icepll sets it.
    filter_range = sum(pll.pfd_hz >= mhz * 1e6 for mhz in (0, 17, 26, 44, 66, 101))
    m.submodules.pll = Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(dividers["DIVR"], 4),
        p_DIVF=Const(dividers["DIVF"], 7),
        p_DIVQ=Const(dividers["DIVQ"], 3),
        p_FILTER_RANGE=Const(filter_range, 3),
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        i_PACKAGEPIN=platform.request(platform.default_clk, dir="-").io,
        o_PLLOUTGLOBAL=output,
        o_LOCK=locked,
    )
    settled = _settled(m, output, locked, pll.output_hz)
    m.domains.sync = ClockDomain("sync")
    m.d.comb += [ClockSignal("sync").eq(output), ResetSignal("sync").eq(~settled)]
