# SPDX-License-Identifier: Apache-2.0
"""A board in a shared object: cycles in, bytes of its serial line in and out."""

import ctypes
from pathlib import Path

import numpy as np

from ..errors import SimulatorError

__all__ = ["BoardSimulator"]

_SIGNATURES = {
    "celosia_board_open": (ctypes.c_void_p, [ctypes.c_uint64, ctypes.c_uint64]),
    "celosia_board_close": (None, [ctypes.c_void_p]),
    "celosia_board_give": (None, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64]),
    "celosia_board_pending": (ctypes.c_uint64, [ctypes.c_void_p]),
    "celosia_board_run": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_uint64]),
    "celosia_board_cycles": (ctypes.c_uint64, [ctypes.c_void_p]),
    "celosia_board_received": (ctypes.c_uint64, [ctypes.c_void_p]),
    "celosia_board_take": (None, [ctypes.c_void_p, ctypes.c_void_p]),
    "celosia_board_error": (ctypes.c_char_p, [ctypes.c_void_p]),
}


class BoardSimulator:
    """A board, cycle by cycle, with a serial line of the speed its gateware expects.

    Parameters
    ----------
    library:
        What :func:`.build.build_board` built.
    clock_hz, baud:
        Of the gateware: their ratio is how many cycles a bit lasts.
    """

    def __init__(self, library: Path, clock_hz: int, baud: int):
        self._library = ctypes.CDLL(str(library))
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        self._handle = self._library.celosia_board_open(clock_hz, baud)

    @property
    def cycles(self) -> int:
        """Clock cycles so far."""
        return self._library.celosia_board_cycles(self._handle)

    @property
    def pending(self) -> int:
        """Bytes that have not gone to the board yet."""
        return self._library.celosia_board_pending(self._handle)

    def give(self, data: bytes) -> None:
        """Queue bytes for the board."""
        self._library.celosia_board_give(self._handle, data, len(data))

    def run(self, cycles: int) -> bytes:
        """Run the clock; what the board sent meanwhile.

        Raises
        ------
        SimulatorError
            An assertion of the gateware failed.
        """
        good = self._library.celosia_board_run(self._handle, cycles)
        if not good:
            raise SimulatorError(self._library.celosia_board_error(self._handle).decode(errors="replace"))
        data = np.empty(self._library.celosia_board_received(self._handle), dtype=np.uint8)
        self._library.celosia_board_take(self._handle, data.ctypes.data)
        return data.tobytes()

    def close(self) -> None:
        """Free it. May be called twice."""
        if self._handle is not None:
            self._library.celosia_board_close(self._handle)
        self._handle = None
