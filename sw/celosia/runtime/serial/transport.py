# SPDX-License-Identifier: Apache-2.0
"""A board on a serial line, as a transport."""

from collections.abc import Callable

from celosia.arch.config import PRESETS, Config
from celosia.arch.link import BAUD, Operation
from celosia.arch.registers import Register, control_address_bits

from ..errors import DeviceError, TransportError
from ..transport import Event, Transport
from .client import PATIENCE, LinkClient
from .port import Port, SerialPort

__all__ = ["SerialTransport", "split_speed"]

_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05  # seconds between two looks at a running core
_STANDSTILL = 2.0  # seconds without a cycle after which no interrupt will come


def split_speed(on: str) -> tuple[str, int]:
    """``PORT`` or ``PORT@BAUD`` as port and bits a second.

    Raises
    ------
    TransportError
        What follows the @ is no number.
    """
    name, at, speed = on.rpartition("@")
    if not at:
        return on, BAUD
    if not speed.isdecimal() or int(speed) == 0:
        raise TransportError(f"{on}: after the @ comes a number of bits a second, as in {name}@1000000")
    return name, int(speed)


class SerialTransport(Transport):
    """A board with a Celosia bitstream that holds ``config``.

    Parameters
    ----------
    on:
        Port, or ``PORT@BAUD``; :data:`celosia.arch.link.BAUD` where no speed is given.
    config:
        The configuration the board is expected to have.
    port:
        The line to use instead of opening ``on``. The transport closes it.
    patience:
        Seconds without any progress after which the board counts as gone.

    Raises
    ------
    TransportError
        The port cannot be opened, nothing answers, or something that is not Celosia's link.
    DeviceError
        The board holds another configuration, or speaks another version of the link.
    """

    def __init__(self, on: str, config: Config, *, port: Port | None = None, patience: float = PATIENCE):
        name, baud = split_speed(on)
        self._closed = False
        self._name, self._port = name, port or SerialPort(name, baud)
        try:
            self._client = LinkClient(self._port, name, baud, patience=patience)
            _check_configuration(name, self._client.info.hash, config)
        except BaseException:
            self._port.close()
            raise
        super().__init__(config, self._client.info.external_bytes)

    @property
    def clock_hz(self) -> int:
        """Cycles of the core's clock a second."""
        return self._client.info.clock_hz

    def read(self, address: int) -> int:
        return int.from_bytes(self.read_block(address, 4), "little")

    def write(self, address: int, value: int) -> None:
        if not 0 <= value < 1 << 32:
            raise TransportError(f"a register holds 32 unsigned bits, not {value!r}")
        self.write_block(address, value.to_bytes(4, "little"))

    def read_block(self, address: int, size: int) -> bytes:
        self._check(address, size)
        return self._client.read(Operation.READ, address, size // 4)

    def write_block(self, address: int, data: bytes) -> None:
        self._check(address, len(data))
        self._client.write(Operation.WRITE, address, data)

    def external_read(self, offset: int, size: int) -> bytes:
        self._check_external(offset, size)
        first, last = offset - offset % 4, offset + size + -(offset + size) % 4
        words = self._client.read(Operation.EXTERNAL_READ, first, (last - first) // 4)
        return words[offset - first :][:size]

    def external_write(self, offset: int, data: bytes) -> None:
        self._check_external(offset, len(data))
        if not data:
            return
        before, after = offset % 4, -(offset + len(data)) % 4
        # The line carries words: what shares one with the data is read first, and written back.
        head = self.external_read(offset - before, before) if before else b""
        tail = self.external_read(offset + len(data), after) if after else b""
        self._client.write(Operation.EXTERNAL_WRITE, offset - before, head + data + tail)

    def wait(self, max_cycles: int | None = None, progress: Callable[[int], None] | None = None) -> None:
        self._check_open()
        pause, cycles, first = _FIRST_PAUSE, -1, 0
        moved = self._port.now()
        while True:
            before, cycles = cycles, self._cycles()
            if self._client.interrupt:
                return
            if before < 0:
                first = cycles
            elif cycles != before:
                moved = self._port.now()
            elif self._port.now() - moved > _STANDSTILL:
                raise TransportError(f"{self._name}: the core is not running, and no interrupt is pending")
            if progress is not None:
                progress(cycles - first)
            if max_cycles is not None and cycles - first >= max_cycles:
                raise TransportError(f"no interrupt within {max_cycles} cycles")
            self._port.sleep(pause)
            pause = min(1.5 * pause, _LONGEST_PAUSE)

    def events(self) -> list[Event]:
        """Nothing: a board does not record what its engines do."""
        self._check_open()
        return []

    def close(self) -> None:
        self._closed = True
        self._port.close()

    def _cycles(self) -> int:
        """CYCLES; whether the interrupt is high comes with it."""
        return int.from_bytes(self._client.read(Operation.READ, Register.CYCLES_LOW, 2), "little")

    def _check(self, address: int, size: int) -> None:
        self._check_open()
        limit = 1 << control_address_bits(self.config)
        if address < 0 or address % 4 or size % 4 or address + size > limit:
            raise TransportError(
                f"control bus: address and size must be multiples of 4 that end below {limit:#x}, "
                f"not {address:#x} and {size}"
            )

    def _check_external(self, offset: int, size: int) -> None:
        self._check_open()
        if offset < 0 or size < 0 or offset + size > self.external_bytes:
            raise TransportError(
                f"external memory has {self.external_bytes} bytes; {size} at {offset} are not all inside"
            )

    def _check_open(self) -> None:
        if self._closed:
            raise TransportError(f"{self._name}: this connection is closed")


def _check_configuration(name: str, found: int, config: Config) -> None:
    if found == config.hash:
        return
    known = [preset.name for preset in PRESETS.values() if preset.hash == found]
    if known:
        advice = f"choose --config {known[0]}, or program the board with {config.name}"
    else:
        advice = f"program the board with {config.name}, or choose the configuration it was built with"
    holds = known[0] if known else "a configuration this software has no name for"
    raise DeviceError(
        f"{name}: the board holds {holds} (hash {found:#018x}), not {config.name} ({config.hash:#018x}): {advice}"
    )
