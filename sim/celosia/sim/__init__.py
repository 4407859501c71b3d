# SPDX-License-Identifier: Apache-2.0
"""Simulators of a core behind the one interface :class:`celosia.runtime.transport.Transport`.

``functional`` executes commands, without time; ``verilator`` runs the gateware compiled, about a million cycles a
second, after a build that is kept; ``pysim`` runs it on Amaranth's simulator, about a thousand, with nothing to
build. The last two agree bit for bit and cycle for cycle, whatever the external memory does.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path

from celosia.arch.config import Config
from celosia.runtime.transport import Transport

from .errors import SimulatorError
from .memory import MemoryModel

__all__ = ["SIMULATORS", "MemoryModel", "SimulatorError", "available", "open_transport", "unavailable"]

SIMULATORS = ("functional", "verilator", "pysim")
"""Names, fastest first."""


def open_transport(
    name: str,
    config: Config,
    *,
    wave: Path | str | None = None,
    external: MemoryModel = MemoryModel(),  # noqa: B008 - frozen
    report: Callable[[str], None] | None = None,
) -> Transport:
    """A simulated core.

    Parameters
    ----------
    name:
        One of :data:`SIMULATORS`.
    config:
        The core's configuration.
    wave:
        A VCD file to write; the ``functional`` simulator has no signals to show.
    external:
        The memory on the core's AXI4 master. The ``functional`` simulator takes its
        cycles from the timing model's idea of it.
    report:
        Called with a few words about each step that takes long, such as building the simulator.

    Raises
    ------
    SimulatorError
        When there is no such simulator, it cannot be used here, or it cannot write waveforms.
    """
    path = None if wave is None else Path(wave)
    if path is not None and not path.absolute().parent.is_dir():
        raise SimulatorError(f"waveform {path}: there is no folder {path.parent}")
    match name:
        case "functional":
            from .functional import FunctionalTransport

            if path is not None:
                raise SimulatorError("the functional simulator has no waveforms; use verilator or pysim")
            return FunctionalTransport(config, external_bytes=external.size, timing=external.timing)
        case "verilator":
            from celosia.gateware.core import Core

            from .fingerprint import fingerprint
            from .verilator import VerilatorTransport

            return VerilatorTransport(
                config,
                lambda: Core(config),
                external=external,
                fingerprint=fingerprint(config),
                wave=path,
                report=report,
            )
        case "pysim":
            from celosia.gateware.core import Core

            from .pysim import PysimTransport

            return PysimTransport(config, lambda: Core(config), external=external, wave=path)
    raise SimulatorError(f"no simulator is called {name!r}; choose one of {', '.join(SIMULATORS)}")


def available() -> list[str]:
    """Names of the simulators that can be used here, fastest first."""
    missing = unavailable()
    return [name for name in SIMULATORS if name not in missing]


def unavailable() -> dict[str, str]:
    """Simulators that cannot be used here, and why, in one line each."""
    from .verilator.compiler import find_compiler, find_verilator

    try:
        find_verilator()
        find_compiler()
        if importlib.util.find_spec("pyosys") is None:
            raise SimulatorError("Yosys is not installed: pip install pyosys")
    except SimulatorError as error:
        return {"verilator": str(error)}
    return {}
