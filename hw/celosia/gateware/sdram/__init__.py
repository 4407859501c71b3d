# SPDX-License-Identifier: Apache-2.0
"""External memory: a controller for SDR SDRAM behind AXI4, and what joins two initiators on one memory."""

from .chip import CHIPS, ULX3S, Chip, ChipError
from .pins import SdramPins
from .sdram import Sdram

__all__ = ["CHIPS", "ULX3S", "Chip", "ChipError", "Sdram", "SdramPins"]
