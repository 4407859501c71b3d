# SPDX-License-Identifier: Apache-2.0
"""The timing model: cycles of commands, from the same fields the hardware reads.

It shares its constants (latencies, queue depths) with the gateware, which imports them from here.
"""

from .program import Interval, Schedule, predict
from .transfer import ExternalTiming

__all__ = ["ExternalTiming", "Interval", "Schedule", "predict"]
