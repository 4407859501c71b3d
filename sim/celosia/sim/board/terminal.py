# SPDX-License-Identifier: Apache-2.0
"""A simulated board's serial line on a pseudo-terminal."""

import contextlib
import os
import select
import time
import tty
from collections.abc import Callable

from .simulator import BoardSimulator

__all__ = ["serve"]

_CHUNK = 2000  # cycles between two looks at the terminal
_READ = 4096  # bytes at once
_QUEUE = 1 << 16  # bytes that may wait for the board; a host has far fewer under way
_SILENCE = 1.0  # seconds after which the clock stops until somebody says something
_LOOK = 0.5  # seconds between two reports


def serve(
    simulator: BoardSimulator,
    ready: Callable[[str], None],
    report: Callable[[int, float], None] | None = None,
) -> None:
    """Run a board behind a pseudo-terminal until interrupted.

    While nobody sends, and the board does not either, its clock stops: an idle simulation costs nothing.

    Parameters
    ----------
    ready:
        Called once with the path that a host opens as its serial port.
    report:
        Called now and then with the cycles so far, and cycles a second.
    """
    board, host = os.openpty()
    try:
        tty.setraw(host)
        os.set_blocking(board, False)
        ready(os.ttyname(host))
        heard = looked = time.monotonic()
        before = simulator.cycles
        while True:
            now = time.monotonic()
            if now - heard > _SILENCE and not simulator.pending:
                select.select([board], [], [], _LOOK)
            data = b""
            if simulator.pending < _QUEUE:
                with contextlib.suppress(BlockingIOError):
                    data = os.read(board, _READ)
            simulator.give(data)
            sent = simulator.run(_CHUNK) if data or simulator.pending or now - heard <= _SILENCE else b""
            if data or sent:
                heard = time.monotonic()
            _write(board, sent)
            if report is not None and now - looked >= _LOOK:
                report(simulator.cycles, (simulator.cycles - before) / (now - looked))
                looked, before = now, simulator.cycles
    finally:
        os.close(board)
        os.close(host)


def _write(board: int, data: bytes) -> None:
    """Hand on what the board sent; what nobody reads is lost, as on a line."""
    while data:
        try:
            data = data[os.write(board, data) :]
        except BlockingIOError:
            if not select.select([], [board], [], _SILENCE)[1]:
                return
