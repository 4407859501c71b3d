# SPDX-License-Identifier: Apache-2.0
"""How a 32-bit result becomes int8."""

from amaranth.hdl import signed
from amaranth.lib import data

__all__ = ["OutputRange"]


class OutputRange(data.Struct):
    """Offset and clamp of an output, int8 each."""

    zero_point: signed(8)
    low: signed(8)
    high: signed(8)
