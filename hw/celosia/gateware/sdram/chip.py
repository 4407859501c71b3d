# SPDX-License-Identifier: Apache-2.0
"""SDR SDRAM chips: geometry and timing from their datasheets, and the same in clock cycles.

Sources: W9825G6KH and its predecessor W9825G6JH, table 9.5 (Winbond); AS4C32M16SB, table 16 (Alliance Memory).
"""

import dataclasses
import math
from dataclasses import dataclass

__all__ = ["AS4C32M16SB_6", "AS4C32M16SB_7", "CHIPS", "ULX3S", "W9825G6KH_6", "Chip", "ChipError", "Cycles"]


class ChipError(ValueError):
    """A chip that cannot be used as asked; the message says why, and what to change."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A 16-bit SDR SDRAM with four banks. Times are minima in nanoseconds unless they say otherwise.

    Parameters
    ----------
    name:
        What it is called in messages.
    row_bits, column_bits:
        2^row_bits rows a bank, 2^column_bits words of 16 bits a row.
    t_rcd, t_rp, t_rc, t_ras, t_rfc, t_rrd:
        ACTIVE to column command; PRECHARGE to ACTIVE; ACTIVE to ACTIVE of one bank; ACTIVE to PRECHARGE; REFRESH to
        any command; ACTIVE to ACTIVE of two banks.
    t_wr, t_mrd:
        Last word written to PRECHARGE; LOAD MODE to any command. At least :attr:`least_cycles` clock cycles, too.
    least_cycles:
        Some makers give t_wr, t_mrd and t_rrd in clock cycles: this many.
    t_ck:
        Shortest clock period for each CAS latency.
    t_ac, t_oh:
        Clock to new data, at the longest; how long old data stay, at the shortest.
    refresh_ns:
        All rows are refreshed in this time, at the longest, by 2^row_bits REFRESH commands.
    power_up_ns:
        Stable clock before the first command. Simulations shorten it.

    Raises
    ------
    ChipError
        When a value cannot be.
    """

    name: str
    row_bits: int = 13
    column_bits: int = 9
    t_rcd: float
    t_rp: float
    t_rc: float
    t_ras: float
    t_rfc: float
    t_rrd: float
    t_wr: float
    t_mrd: float
    least_cycles: int = 2
    t_ck: tuple[tuple[int, float], ...]
    t_ac: float
    t_oh: float
    refresh_ns: float = 64e6
    power_up_ns: float = 200e3

    def __post_init__(self):
        def check(ok: bool, field: str, what: str):
            if not ok:
                raise ChipError(f"SDRAM {self.name}: {field} must be {what}, not {getattr(self, field)!r}")

        check(11 <= self.row_bits <= 13, "row_bits", "11 to 13")
        check(8 <= self.column_bits <= 10, "column_bits", "8 to 10")
        check(bool(self.t_ck) and all(cl in (2, 3) and t > 0 for cl, t in self.t_ck), "t_ck", "periods for CL 2 or 3")
        for field in ("t_rcd", "t_rp", "t_rc", "t_ras", "t_rfc", "t_rrd", "t_wr", "t_mrd", "refresh_ns"):
            check(getattr(self, field) > 0, field, "positive")

    @property
    def size(self) -> int:
        """Bytes."""
        return 2 * 4 << self.row_bits + self.column_bits

    @property
    def max_clock_hz(self) -> float:
        """The fastest clock, at the longest CAS latency."""
        return 1e9 / min(t for _, t in self.t_ck)

    def replace(self, **changes: object) -> "Chip":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type] # fields are checked when the copy is made

    def cycles(self, clock_hz: float) -> "Cycles":
        """The timing in cycles of a clock, with the shortest CAS latency it allows.

        Raises
        ------
        ChipError
            When the clock is too fast for the chip, or too slow to refresh it in time.
        """
        period = 1e9 / clock_hz
        latencies = [cl for cl, t in sorted(self.t_ck) if t <= period * (1 + 1e-9)]
        if not latencies:
            raise ChipError(
                f"SDRAM {self.name}: a clock of {clock_hz / 1e6:g} MHz is too fast, it takes up to "
                f"{self.max_clock_hz / 1e6:.0f} MHz (CL {max(cl for cl, _ in self.t_ck)}): give the controller and the "
                f"chip a slower clock, or choose a faster grade"
            )

        def up(ns: float, least: int = 1) -> int:
            return max(math.ceil(ns / period - 1e-6), least)

        result = Cycles(
            cl=latencies[0],
            rcd=up(self.t_rcd), rp=up(self.t_rp), rc=up(self.t_rc), ras=up(self.t_ras), rfc=up(self.t_rfc),
            rrd=up(self.t_rrd, self.least_cycles), wr=up(self.t_wr, self.least_cycles),
            mrd=up(self.t_mrd, self.least_cycles), power_up=up(self.power_up_ns),
            refi=math.floor(self.refresh_ns / (1 << self.row_bits) / period),
        )  # fmt: skip
        if result.refi < 16 * result.rfc:
            raise ChipError(
                f"SDRAM {self.name}: a clock of {clock_hz / 1e6:g} MHz is too slow, refreshing would take more than "
                f"a sixteenth of the time"
            )
        return result

    def capture_margins(
        self, clock_hz: float, *, phase: float, round_trip_ns: float, late_cycles: int = 1
    ) -> tuple[float, float]:
        """Setup and hold margin, in nanoseconds, of the word that the FPGA samples.

        The chip's clock lags the controller's by ``phase`` periods. A word leaves the chip with its CL-th clock edge
        after the one that took READ, less one; the FPGA samples it ``cl + late_cycles`` of its own edges after the
        one that put READ on the pins::

            setup = (late_cycles + 1 − phase) T − t_ac − round trip
            hold  = (phase − late_cycles) T + t_oh + round trip

        Parameters
        ----------
        phase:
            0 to 1; 0.5 is an inverted clock, 0.75 one that is a quarter of a period early.
        round_trip_ns:
            Delay of the clock to the chip's pin, and of the data from there to the FPGA's register.
        late_cycles:
            1 unless the board adds delays of more than a cycle.
        """
        period = 1e9 / clock_hz
        setup = (late_cycles + 1 - phase) * period - self.t_ac - round_trip_ns
        hold = (phase - late_cycles) * period + self.t_oh + round_trip_ns
        return setup, hold


@dataclass(frozen=True, kw_only=True)
class Cycles:
    """A chip's timing in clock cycles, by the names of :class:`Chip`; ``refi``: between two REFRESHes, at most."""

    cl: int
    rcd: int
    rp: int
    rc: int
    ras: int
    rfc: int
    rrd: int
    wr: int
    mrd: int
    power_up: int
    refi: int


W9825G6KH_6 = Chip(
    name="W9825G6KH-6",
    t_rcd=15, t_rp=15, t_rc=60, t_ras=42, t_rfc=60, t_rrd=12, t_wr=12, t_mrd=12,
    t_ck=((2, 7.5), (3, 6.0)), t_ac=5.4, t_oh=3.0,
)  # fmt: skip
AS4C32M16SB_6 = Chip(
    name="AS4C32M16SB-6", column_bits=10,
    t_rcd=18, t_rp=18, t_rc=60, t_ras=42, t_rfc=60, t_rrd=12, t_wr=12, t_mrd=12,
    t_ck=((2, 10.0), (3, 6.0)), t_ac=5.0, t_oh=2.5,
)  # fmt: skip
AS4C32M16SB_7 = Chip(
    name="AS4C32M16SB-7", column_bits=10,
    t_rcd=21, t_rp=21, t_rc=63, t_ras=42, t_rfc=63, t_rrd=14, t_wr=14, t_mrd=14,
    t_ck=((2, 10.0), (3, 7.0)), t_ac=5.4, t_oh=2.5,
)  # fmt: skip
ULX3S = AS4C32M16SB_7.replace(name="ULX3S", column_bits=9)
"""ULX3S boards carry one of several chips of 32 or 64 MB: 32 MB, at the timing of the slowest of those listed here.
(ISSI's IS42S16160G, on some boards, is not: its datasheet was not at hand.)"""

CHIPS = {chip.name: chip for chip in (ULX3S, W9825G6KH_6, AS4C32M16SB_6, AS4C32M16SB_7)}
"""The chips by name."""
