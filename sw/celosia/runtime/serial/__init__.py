# SPDX-License-Identifier: Apache-2.0
"""The host's end of the serial link (docs/link.md): a board as a transport."""

from .client import LinkClient
from .port import Port, SerialPort, is_port
from .transport import SerialTransport

__all__ = ["LinkClient", "Port", "SerialPort", "SerialTransport", "is_port"]
