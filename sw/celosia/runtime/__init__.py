# SPDX-License-Identifier: Apache-2.0
"""Running programs on a device, whatever the device is."""

from .device import Device, open
from .errors import DeviceError, InputError, ProgramError, TransportError
from .program import Program
from .result import Layer, Result
from .transport import Event, Transport

__all__ = [
    "Device", "DeviceError", "Event", "InputError", "Layer", "Program", "ProgramError", "Result", "Transport",
    "TransportError", "open",
]  # fmt: skip
