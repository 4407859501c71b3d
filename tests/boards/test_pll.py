# SPDX-License-Identifier: Apache-2.0
"""PLL settings against the formulas of the data sheets, written here once more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celosia.boards.pll import TOLERANCE, ClockError, solve
from celosia.gateware.family import Family


def output(pll):
    """What the primitive makes of its input, from its parameters alone: the VCO's frequency and the output's."""
    d = dict(pll.dividers)
    match pll.family:
        case Family.ECP5:
            vco = pll.input_hz / d["CLKI_DIV"] * d["CLKFB_DIV"] * d["CLKOP_DIV"]
            return vco, vco / d.get("CLKOS_DIV", d["CLKOP_DIV"])
        case Family.GOWIN:
            out = pll.input_hz * (d["FBDIV_SEL"] + 1) / (d["IDIV_SEL"] + 1)
            return out * d["ODIV_SEL"], out
        case Family.ICE40:
            vco = pll.input_hz * (d["DIVF"] + 1) / (d["DIVR"] + 1)
            return vco, vco / 2 ** d["DIVQ"]


VCO = {Family.ECP5: (400e6, 800e6), Family.GOWIN: (500e6, 1250e6), Family.ICE40: (533e6, 1066e6)}
RANGES = {
    "CLKI_DIV": (1, 128), "CLKFB_DIV": (1, 128), "CLKOP_DIV": (1, 128), "CLKOS_DIV": (1, 128),
    "IDIV_SEL": (0, 63), "FBDIV_SEL": (0, 63), "ODIV_SEL": (2, 128),
    "DIVR": (0, 15), "DIVF": (0, 127), "DIVQ": (1, 6),
}  # fmt: skip


@given(
    st.sampled_from(sorted(VCO, key=str)),
    st.sampled_from([12e6, 25e6, 27e6, 48e6, 50e6, 100e6]),
    st.floats(16e6, 250e6),
)
def test_what_is_found_is_what_the_formulas_say(family, crystal, wanted):
    try:
        pll = solve(family, crystal, wanted)
    except ClockError:
        return  # what is refused, and why, is for the tests below
    vco, out = output(pll)
    assert out == pytest.approx(pll.output_hz)
    assert abs(out - wanted) <= TOLERANCE * wanted
    assert VCO[family][0] <= vco <= VCO[family][1]
    assert pll.pfd_hz >= (3e6 if family is Family.GOWIN else 10e6)
    for name, value in pll.dividers:
        assert RANGES[name][0] <= value <= RANGES[name][1]


@pytest.mark.parametrize("megahertz", [100, 125, 137.5, 150, 162.5, 175, 187.5, 200])
def test_steps_of_half_a_crystal_are_exact_on_the_ecp5(megahertz):
    assert solve(Family.ECP5, 25e6, megahertz * 1e6).output_hz == megahertz * 1e6


def test_the_output_of_the_feedback_is_used_where_it_can_be():
    assert dict(solve(Family.ECP5, 25e6, 150e6).dividers) == {"CLKI_DIV": 1, "CLKFB_DIV": 6, "CLKOP_DIV": 5}


def test_the_nearest_is_named_when_nothing_is_near():
    with pytest.raises(ClockError, match=r"makes no 26 MHz from 27 MHz|the nearest is"):
        solve(Family.GOWIN, 27e6, 26.2e6)
    with pytest.raises(ClockError, match="nothing near it"):
        solve(Family.ICE40, 12e6, 5e6)


def test_an_input_out_of_range_is_refused():
    with pytest.raises(ClockError, match="takes 8 to 400 MHz, not 2 MHz"):
        solve(Family.ECP5, 2e6, 100e6)


def test_a_family_without_a_pll_is_refused():
    with pytest.raises(ClockError, match="portable"):
        solve(Family.PORTABLE, 25e6, 100e6)
