# SPDX-License-Identifier: Apache-2.0
"""Dividers for the PLLs of the FPGA families: from the crystal on the board to the clock of the core."""

from collections.abc import Iterator
from dataclasses import dataclass

from ..gateware.family import Family

__all__ = ["TOLERANCE", "ClockError", "Pll", "solve"]

TOLERANCE = 0.005
"""How far the clock may be from the one asked for, as a share of it."""


class ClockError(ValueError):
    """A clock that a PLL cannot make; the message names the nearest that it can."""


@dataclass(frozen=True)
class Pll:
    """One setting of a PLL.

    Parameters
    ----------
    family:
        Whose PLL.
    input_hz, output_hz:
        Frequencies before and after it.
    pfd_hz, vco_hz:
        Frequencies at its phase detector and of its oscillator.
    dividers:
        By the names that the primitive's parameters have.
    """

    family: Family
    input_hz: float
    output_hz: float
    pfd_hz: float
    vco_hz: float
    dividers: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class _Limits:
    """What a data sheet allows, in MHz."""

    input: tuple[float, float]
    pfd: tuple[float, float]
    vco: tuple[float, float]
    output: tuple[float, float]


_LIMITS = {
    # FPGA-DS-02012 (ECP5), sysCLOCK PLL timing
    Family.ECP5: _Limits(input=(8, 400), pfd=(10, 400), vco=(400, 800), output=(3.125, 400)),
    # DS102 (GW2A), PLL switching characteristics of speed grade C8/I7
    Family.GOWIN: _Limits(input=(3, 500), pfd=(3, 500), vco=(500, 1250), output=(3.90625, 625)),
    # FPGA-DS-02008 (iCE40 UltraPlus), sysCLOCK PLL timing
    Family.ICE40: _Limits(input=(10, 133), pfd=(10, 133), vco=(533, 1066), output=(16, 275)),
}

_GOWIN_OUTPUT_DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)


def _ecp5(limits: _Limits, mhz: float, wanted: float) -> Iterator[tuple[float, float, dict[str, int]]]:
    """EHXPLLL with feedback from CLKOP: vco = in / CLKI_DIV · CLKFB_DIV · CLKOP_DIV. CLKOP is the output where the
    multiple allows it; elsewhere it is for the feedback alone, and the output is CLKOS = vco / CLKOS_DIV."""
    for reference in range(1, 129):
        pfd = mhz / reference
        if not limits.pfd[0] <= pfd <= limits.pfd[1]:
            continue
        for multiple in range(1, min(int(limits.vco[1] / pfd), 128) + 1):
            output = min(max(round(pfd * multiple / wanted), 1), 128)
            if multiple % output:
                dividers = {"CLKFB_DIV": 1, "CLKOP_DIV": multiple, "CLKOS_DIV": output}
            else:
                dividers = {"CLKFB_DIV": multiple // output, "CLKOP_DIV": output}
            yield pfd, pfd * multiple, {"CLKI_DIV": reference, **dividers}


def _gowin(limits: _Limits, mhz: float, wanted: float) -> Iterator[tuple[float, float, dict[str, int]]]:
    """rPLL: out = in · (FBDIV_SEL + 1) / (IDIV_SEL + 1), vco = out · ODIV_SEL."""
    for reference in range(1, 65):
        feedback = round(wanted * reference / mhz)
        if not 1 <= feedback <= 64:
            continue
        for divider in _GOWIN_OUTPUT_DIVIDERS:
            dividers = {"IDIV_SEL": reference - 1, "FBDIV_SEL": feedback - 1, "ODIV_SEL": divider}
            yield mhz / reference, mhz * feedback / reference * divider, dividers


def _ice40(limits: _Limits, mhz: float, wanted: float) -> Iterator[tuple[float, float, dict[str, int]]]:
    """SB_PLL40 with simple feedback: vco = in · (DIVF + 1) / (DIVR + 1), out = vco / 2^DIVQ."""
    for reference in range(1, 17):
        for exponent in range(1, 7):
            feedback = round(wanted * 2**exponent * reference / mhz)
            if 1 <= feedback <= 128:
                dividers = {"DIVR": reference - 1, "DIVF": feedback - 1, "DIVQ": exponent}
                yield mhz / reference, mhz * feedback / reference, dividers


_SETTINGS = {Family.ECP5: _ecp5, Family.GOWIN: _gowin, Family.ICE40: _ice40}
_OUTPUT_DIVIDER = {
    Family.ECP5: lambda dividers: dividers.get("CLKOS_DIV", dividers["CLKOP_DIV"]),
    Family.GOWIN: lambda dividers: dividers["ODIV_SEL"],
    Family.ICE40: lambda dividers: 1 << dividers["DIVQ"],
}


def solve(family: Family, input_hz: float, wanted_hz: float) -> Pll:
    """The setting whose output is nearest to `wanted_hz`; of equally near ones, that with the fastest phase detector.

    ``output_hz`` of the result says what is reached: it may be up to :data:`TOLERANCE` off.

    Raises
    ------
    ClockError
        The family has no PLL here, the PLL does not take `input_hz`, or nothing within the tolerance can be reached.
    """
    if family not in _LIMITS:
        raise ClockError(f"no PLL is known for {family.value}")
    limits, mhz, wanted = _LIMITS[family], input_hz / 1e6, wanted_hz / 1e6
    if not limits.input[0] <= mhz <= limits.input[1]:
        raise ClockError(
            f"the PLL of {family.value} takes {limits.input[0]:g} to {limits.input[1]:g} MHz, not {mhz:g} MHz"
        )
    found = [
        Pll(family, input_hz, output * 1e6, pfd * 1e6, vco * 1e6, tuple(dividers.items()))
        for pfd, vco, dividers in _SETTINGS[family](limits, mhz, wanted)
        if limits.pfd[0] <= pfd <= limits.pfd[1]
        and limits.vco[0] <= vco <= limits.vco[1]
        and limits.output[0] <= (output := vco / _OUTPUT_DIVIDER[family](dividers)) <= limits.output[1]
    ]
    best = min(found, key=lambda pll: (round(abs(pll.output_hz - wanted_hz)), -pll.pfd_hz, -pll.vco_hz), default=None)
    if best is None or abs(best.output_hz - wanted_hz) > TOLERANCE * wanted_hz:
        nearest = f"the nearest is {best.output_hz / 1e6:.6g} MHz" if best else "nothing near it can be made"
        raise ClockError(f"the PLL of {family.value} makes no {wanted:.6g} MHz from {mhz:g} MHz: {nearest}")
    return best
