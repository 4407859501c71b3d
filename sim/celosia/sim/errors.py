# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when a simulator is made."""

from celosia.runtime.errors import DeviceError

__all__ = ["SimulatorError"]


class SimulatorError(DeviceError):
    """A simulator that does not exist, cannot be built here, or cannot do what was asked of it."""
