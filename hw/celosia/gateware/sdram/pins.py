# SPDX-License-Identifier: Apache-2.0
"""The wires between controller and chip."""

from amaranth.lib import enum
from amaranth.lib.wiring import In, Out, Signature

__all__ = ["ROW_PINS", "Command", "SdramPins", "mode_register"]

ROW_PINS = 13
"""Address pins: rows use as many as they need, columns the lower ones, pin 10 says "all banks" to PRECHARGE."""


class Command(enum.Enum, shape=3):
    """Commands as they are on the pins: bit 2 RAS, bit 1 CAS, bit 0 WE, each 1 when asserted."""

    NOP = 0b000
    READ = 0b010
    WRITE = 0b011
    ACTIVE = 0b100
    PRECHARGE = 0b101
    REFRESH = 0b110
    LOAD_MODE = 0b111


class SdramPins(Signature):
    """The pins of a 16-bit SDR SDRAM but for its clock, as the controller sees them.

    Control signals are 1 when asserted: the board inverts them (``cs``, ``ras``, ``cas``, ``we`` are active low at the
    chip). Everything the controller drives is a register. ``dq_o`` is driven on the wires while ``dq_oe`` is high.
    """

    def __init__(self):
        super().__init__(
            {
                "cke": Out(1), "cs": Out(1), "ras": Out(1), "cas": Out(1), "we": Out(1),
                "ba": Out(2), "a": Out(ROW_PINS), "dqm": Out(2),
                "dq_o": Out(16), "dq_oe": Out(1), "dq_i": In(16),
            }
        )  # fmt: skip


def mode_register(*, words: int, cl: int) -> int:
    """The address pins of LOAD MODE: sequential bursts of ``words`` (1, 2, 4 or 8) for reads and writes."""
    return (words - 1).bit_length() | cl << 4
