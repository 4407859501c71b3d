# SPDX-License-Identifier: Apache-2.0
"""A whole board simulated: the system's gateware, with its serial line on a pseudo-terminal.

The host's own driver runs programs on it, over the operating system's serial interface, as it does on a board.
"""

from .process import SimulatedBoard
from .simulator import BoardSimulator

__all__ = ["BoardSimulator", "SimulatedBoard"]
