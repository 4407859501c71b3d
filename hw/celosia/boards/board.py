# SPDX-License-Identifier: Apache-2.0
"""What a board is, and what an FPGA has to offer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..arch.config import Config
from ..arch.link import BUFFER_BYTES
from ..gateware.family import Device, Family
from ..gateware.sdram.chip import Chip
from .lights import LIGHTS

__all__ = ["Board", "BoardError", "Part"]


class BoardError(ValueError):
    """A board that is unknown or cannot be used as asked; one line says what to do."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """An FPGA.

    Parameters
    ----------
    name:
        As its maker writes it.
    family:
        Which primitives it has.
    luts, multipliers:
        LUT4 and multiplier blocks.
    block_rams, block_ram_bytes:
        Blocks of RAM, and bytes of data in one (parity bits not counted).
    large_rams, large_ram_bytes:
        The same of single-port RAM, which the iCE40 UltraPlus has.
    exact_timing:
        nextpnr knows the delays of all of it. Where it does not, its maximum frequency is no promise.
    """

    name: str
    family: Family
    luts: int
    multipliers: int
    block_rams: int
    block_ram_bytes: int
    large_rams: int = 0
    large_ram_bytes: int = 0
    exact_timing: bool = True


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board that the system can be built for.

    Parameters
    ----------
    name:
        What it is called on the command line.
    title:
        What its maker calls it.
    part:
        The FPGA.
    platform:
        Makes the Amaranth platform, with its pins. Amaranth's boards are needed only when it is called.
    device:
        What the gateware is elaborated for: family, and multipliers that it may use.
    config:
        The core that fits.
    crystal_hz:
        Frequency of the platform's default clock.
    clock_hz:
        Frequency of the core.
    baud:
        Speed of the serial line: what the USB bridge of the board can do.
    buffer_bytes:
        Of received frames that the link holds.
    lamps:
        For each light that has a lamp: its name (:data:`.lights.LIGHTS`), and name and number of the platform's
        resource.
    sdram:
        The SDRAM chip, if the system uses one.
    loader:
        Arguments by which openFPGALoader knows the board.
    volatile:
        A bitstream can be loaded past the board's flash.
    usb:
        Vendor and product numbers of the board's USB serial port.
    notes:
        What somebody who owns one should know.

    Raises
    ------
    BoardError
        A lamp for a light that there is none of, or a device of another family than the part.
    """

    name: str
    title: str
    part: Part
    platform: Callable[[], Any]
    device: Device
    config: Config
    crystal_hz: float
    clock_hz: float
    baud: int
    buffer_bytes: int = BUFFER_BYTES
    lamps: tuple[tuple[str, str, int], ...]
    sdram: Chip | None = None
    loader: tuple[str, ...]
    volatile: bool = True
    usb: tuple[tuple[int, int], ...]
    notes: str = ""

    def __post_init__(self):
        for light, _, _ in self.lamps:
            if light not in LIGHTS:
                raise BoardError(f"board {self.name}: a lamp must show one of {', '.join(LIGHTS)}, not {light!r}")
        if self.device.family != self.part.family:
            raise BoardError(f"board {self.name}: the device is {self.device.family.value}, its part is not")
