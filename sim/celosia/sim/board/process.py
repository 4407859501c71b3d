# SPDX-License-Identifier: Apache-2.0
"""A simulated board in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from amaranth.lib import wiring

from celosia.arch.config import Config

from ..errors import SimulatorError
from .build import build_board

__all__ = ["SimulatedBoard"]


class SimulatedBoard:
    """A board that runs until closed; :attr:`path` is its serial port.

    Parameters
    ----------
    config:
        Of the core on it.
    make:
        Makes the board's gateware: a component with members ``rx`` and ``tx``, in one clock domain. Chips beside
        the FPGA are part of it, as models.
    clock_hz, baud:
        Of that gateware.
    fingerprint:
        Stands for what ``make`` makes, see :func:`.build.build_board`.
    report:
        Called with a few words about each step that takes long.

    Raises
    ------
    SimulatorError
        When it cannot be built or started.
    """

    def __init__(
        self,
        config: Config,
        make: Callable[[], wiring.Component],
        *,
        clock_hz: int,
        baud: int,
        fingerprint: str | None = None,
        report: Callable[[str], None] | None = None,
    ):
        library = build_board(config, make, fingerprint=fingerprint, report=report)
        self._process = _start(library, clock_hz, baud)
        assert self._process.stdout is not None
        self.path = self._process.stdout.readline().strip()
        if not self.path:
            self.close()
            raise SimulatorError("the simulated board ended at once: this system may have no pseudo-terminals left")

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process. May be called twice."""
        self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _start(library: Path, clock_hz: int, baud: int) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "celosia.sim.board", str(library), str(clock_hz), str(baud)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
