# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a host and a device; every message is one line that says what to do about it."""

__all__ = ["DeviceError", "InputError", "ProgramError", "TransportError"]


class DeviceError(ValueError):
    """A device that is not the one expected, or that stopped with an error."""


class TransportError(DeviceError):
    """The connection to the device failed: a bus error, an address outside the map, or time ran out."""


class ProgramError(ValueError):
    """A program file that cannot be read or written, is damaged, or is of another version."""


class InputError(ValueError):
    """Inputs that do not fit the program: how many, their shapes or their types."""
