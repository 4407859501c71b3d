# SPDX-License-Identifier: Apache-2.0
"""The timing model: cycles of commands, from the same fields the hardware reads.

It shares its constants (latencies, queue depths) with the gateware, which imports them from here.
"""

from .program import START_CYCLES, Interval, Schedule, predict
from .transfer import ExternalTiming

__all__ = ["START_CYCLES", "ExternalTiming", "Interval", "Schedule", "predict"]
