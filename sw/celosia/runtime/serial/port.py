# SPDX-License-Identifier: Apache-2.0
"""A serial port of this computer, with errors that say what to do."""

import contextlib
import errno
import re
import time
from abc import abstractmethod
from typing import Any, Protocol

from ..errors import TransportError

__all__ = ["POLL_SECONDS", "Port", "SerialPort", "is_port"]

POLL_SECONDS = 0.01
"""How long a read waits for a first byte."""

_WRITE_SECONDS = 5.0
_PIECE = 1024  # bytes
_DEVICE = re.compile(r".*[/\\].*|COM\d+(@.*)?", re.IGNORECASE)


class Port(Protocol):
    """What the link needs of a serial line, and of time."""

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Hand bytes to the line, or to what buffers them."""

    @abstractmethod
    def read(self) -> bytes:
        """What has come; waits for a short while if nothing has. Empty if nothing came."""

    @abstractmethod
    def discard(self) -> None:
        """Forget what has come and was not read, and what was written and is not yet on the line."""

    @abstractmethod
    def now(self) -> float:
        """Seconds, from any origin."""

    @abstractmethod
    def sleep(self, seconds: float) -> None:
        """Do nothing for a while."""

    @abstractmethod
    def close(self) -> None:
        """Give the line back. May be called twice."""


def is_port(name: str) -> bool:
    """Whether a device's name is that of a serial port: a path, COM and a number, or a pyserial URL."""
    return _DEVICE.fullmatch(name) is not None


class SerialPort:
    """A port as pyserial opens it.

    Parameters
    ----------
    name:
        Such as ``/dev/ttyUSB0``, ``COM3``, or one of pyserial's URLs.
    baud:
        Bits a second.

    Raises
    ------
    TransportError
        pyserial is missing; the port is absent, in use, not permitted, or cannot do this speed; later, it went away.
    """

    def __init__(self, name: str, baud: int):
        try:
            import serial
        except ImportError:
            raise TransportError(
                f"{name}: serial ports need the package pyserial: pip install 'celosia[fpga]', or pip install pyserial"
            ) from None
        self._name = name
        self._failures: tuple[type[Exception], ...] = (serial.SerialException, OSError)
        options: dict[str, Any] = {"timeout": POLL_SECONDS, "write_timeout": _WRITE_SECONDS}
        if "://" not in name:
            options["exclusive"] = True
        try:
            self._serial = serial.serial_for_url(name, baudrate=baud, **options)
        except (serial.SerialException, OSError, ValueError) as error:
            raise TransportError(_explain(name, baud, error)) from None
        # Linux: USB bridges hand over what they have after 1 ms instead of 16. Not every port can.
        with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
            self._serial.set_low_latency_mode(True)

    def write(self, data: bytes) -> None:
        try:
            for start in range(0, len(data), _PIECE):  # the time limit is for each
                self._serial.write(data[start : start + _PIECE])
        except self._failures as error:
            raise self._gone(error) from None

    def read(self) -> bytes:
        try:
            return self._serial.read(self._serial.in_waiting or 1)
        except (*self._failures, TypeError) as error:  # TypeError: pyserial's own, when another thread has closed it
            raise self._gone(error) from None

    def discard(self) -> None:
        try:
            self._serial.reset_output_buffer()
            self._serial.reset_input_buffer()
        except self._failures as error:
            raise self._gone(error) from None

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        self._serial.close()

    def _gone(self, error: Exception) -> TransportError:
        if "timeout" in str(error).lower():
            return TransportError(
                f"{self._name}: the port takes no more data; check the cable, unplug it and plug it in"
            )
        return TransportError(f"{self._name}: the connection is lost ({error}); check the cable and start again")


def _explain(name: str, baud: int, error: Exception) -> str:
    """Why a port could not be opened, and what to do."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or "FileNotFoundError" in str(error):
        from serial.tools.list_ports import comports

        there = ", ".join(sorted(port.device for port in comports())) or "none"
        return f"{name}: there is no such serial port; connect the board (ports here: {there})"
    if number in (errno.EACCES, errno.EPERM) or "PermissionError" in str(error):
        return f"{name}: no permission, or another program uses it; on Linux, join the group dialout and log in again"
    if number in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return f"{name}: another program uses this port; end it first"
    if number == errno.ENOTTY or "Inappropriate ioctl" in str(error):
        return f"{name}: this is no serial port; give the board's, such as /dev/ttyUSB0"
    if isinstance(error, ValueError):
        return f"{name}: cannot be opened at {baud} baud ({error}); choose another speed, as in {name}@1000000"
    return f"{name}: cannot be opened ({error}); check the port"
