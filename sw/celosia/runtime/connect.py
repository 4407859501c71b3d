# SPDX-License-Identifier: Apache-2.0
"""From what a user calls a device to a transport: a simulator by its name, a board by its serial port."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from celosia.arch.config import Config

from .errors import DeviceError
from .transport import Transport

if TYPE_CHECKING:
    from celosia.sim import MemoryModel

__all__ = ["connect"]


def connect(
    on: str,
    config: Config,
    *,
    wave: Path | None = None,
    external: "MemoryModel | None" = None,
    report: Callable[[str], None] | None = None,
) -> Transport:
    """A transport to a simulated core or to a board.

    Parameters
    ----------
    on:
        A name of :data:`celosia.sim.SIMULATORS`; or a serial port, as ``/dev/ttyUSB0``, ``COM3`` or a pyserial URL,
        with ``@`` and bits a second behind it if they are not :data:`celosia.arch.link.BAUD`.
    config:
        The core's configuration.
    wave, external:
        Of simulators: a waveform to write, and the memory behind the core; an ideal one where none is given.
    report:
        Called with a few words about each step that takes long.

    Raises
    ------
    DeviceError
        There is no such device, it cannot be used here, or it is not what it should be.
    """
    from celosia.sim import SIMULATORS, MemoryModel, open_transport  # large: loaded when a device is asked for

    from .serial import SerialTransport, is_port

    if on in SIMULATORS:
        return open_transport(on, config, wave=wave, external=external or MemoryModel(), report=report)
    if not is_port(on):
        raise DeviceError(
            f"no device is called {on!r}; choose one of {', '.join(SIMULATORS)}, or a board's serial port, "
            f"such as /dev/ttyUSB0"
        )
    if wave is not None:
        raise DeviceError(f"{on}: a board has no waveforms; use verilator or pysim")
    return SerialTransport(on, config)
