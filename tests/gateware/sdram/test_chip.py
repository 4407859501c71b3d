# SPDX-License-Identifier: Apache-2.0
"""Chips in clock cycles, and the margins of the data that come back."""

import pytest

from celosia.gateware.sdram.chip import AS4C32M16SB_7, CHIPS, ULX3S, W9825G6KH_6, Chip, ChipError


def test_cycles_are_the_datasheets_times_rounded_up():
    cycles = ULX3S.cycles(125e6)  # 8 ns
    assert (cycles.cl, cycles.rcd, cycles.rp, cycles.rc, cycles.ras, cycles.rfc) == (3, 3, 3, 8, 6, 8)
    assert (cycles.rrd, cycles.wr, cycles.mrd, cycles.power_up, cycles.refi) == (2, 2, 2, 25_000, 976)
    assert W9825G6KH_6.cycles(1e9 / 7.5).cl == 2
    assert W9825G6KH_6.cycles(1e9 / 7.5 + 1e6).cl == 3
    assert W9825G6KH_6.cycles(166e6).rcd == 3


@pytest.mark.parametrize("chip", CHIPS.values(), ids=CHIPS)
@pytest.mark.parametrize("clock_hz", [50e6, 100e6, 125e6, 1e9 / 7])
def test_cycles_last_long_enough(chip, clock_hz):
    cycles, period = chip.cycles(clock_hz), 1e9 / clock_hz
    for name in ("rcd", "rp", "rc", "ras", "rfc", "rrd", "wr", "mrd"):
        assert getattr(cycles, name) * period >= getattr(chip, f"t_{name}") - 1e-3
    assert cycles.refi * period * (1 << chip.row_bits) <= chip.refresh_ns
    assert dict(chip.t_ck)[cycles.cl] <= period + 1e-6


def test_a_clock_too_fast_or_too_slow():
    with pytest.raises(ChipError, match="ULX3S: a clock of 150 MHz is too fast, it takes up to 143 MHz") as caught:
        ULX3S.cycles(150e6)
    assert "\n" not in str(caught.value)
    with pytest.raises(ChipError, match="a clock of 1 MHz is too slow"):
        ULX3S.cycles(1e6)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"row_bits": 14}, "row_bits must be 11 to 13, not 14"), ({"column_bits": 7}, "column_bits must be 8 to 10"),
     ({"t_ck": ()}, "t_ck must be periods for CL 2 or 3"), ({"t_rp": 0}, "t_rp must be positive, not 0")],
)  # fmt: skip
def test_chips_that_cannot_be(change, message):
    with pytest.raises(ChipError, match=message):
        ULX3S.replace(**change)


def test_sizes():
    assert ULX3S.size == W9825G6KH_6.size == 32 << 20
    assert AS4C32M16SB_7.size == 64 << 20


def test_a_quarter_early_clock_has_margins_both_ways_where_an_inverted_one_has_little():
    setup, hold = ULX3S.capture_margins(125e6, phase=0.75, round_trip_ns=2.5)
    assert setup == pytest.approx(10 - 5.4 - 2.5)
    assert hold == pytest.approx(-2 + 2.5 + 2.5)
    inverted = ULX3S.capture_margins(125e6, phase=0.5, round_trip_ns=2.5)
    assert inverted == pytest.approx((setup + 2, hold - 2))
    assert ULX3S.capture_margins(125e6, phase=0.5, round_trip_ns=2.5, late_cycles=2)[1] < 0


def test_the_slowest_chip_suits_the_others():
    assert isinstance(ULX3S, Chip)
    for other in (W9825G6KH_6, AS4C32M16SB_7):
        for name in ("t_rcd", "t_rp", "t_rc", "t_ras", "t_rfc", "t_rrd", "t_wr", "t_mrd", "t_ac"):
            assert getattr(ULX3S, name) >= getattr(other, name)
        assert ULX3S.t_oh <= other.t_oh
        assert ULX3S.size <= other.size
