# SPDX-License-Identifier: Apache-2.0
"""How fast the simulators are, on the same program, in the same run."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import numpy as np

from celosia.arch.config import Config
from celosia.runtime import Device, Program, Transport, control
from celosia.runtime.program import ArrayStep
from celosia.sim import MemoryModel, open_transport
from celosia.sim.fingerprint import fingerprint
from celosia.sim.simulated import SimulatedTransport

from .race import Burst, Speed, race, ratios

__all__ = ["Opening", "SimulatorFigures", "Speeds", "empty_cache", "speeds"]

CORE, ARRAY = "core's clock", "array's clock"
ARRAY_CYCLES = 1 << 20

Opener = Callable[[Callable[[str], None]], Transport]


@dataclass(frozen=True)
class Opening:
    """Seconds to open a simulator: with all that it keeps, and before, when it had to be built (None: it was there)."""

    opened: float
    built: float | None = None


@dataclass(frozen=True, kw_only=True)
class SimulatorFigures:
    """One simulator; cycles and inferences a second with all that the host does for an inference.

    For a simulator without a clock, the cycles are those that an inference is predicted to take.
    """

    name: str
    opening: Opening
    cycles_per_second: float
    inferences_per_second: float


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """All simulators, and the Verilator core next to its bare array (None without Verilator).

    Parameters
    ----------
    core, array
        Clock cycles a second inside the simulator: of the core at work on the program, of the array on noise.
    ratios
        `core` / `array` of each round, from turns next to each other: a busy machine changes them least.
    """

    simulators: tuple[SimulatorFigures, ...]
    core: float | None
    array: float | None
    array_opening: Opening | None
    ratios: tuple[float, ...]

    @property
    def ratio(self) -> float | None:
        """The median of `ratios`."""
        return statistics.median(self.ratios) if self.ratios else None


def speeds(
    program: Program,
    inputs: Sequence[np.ndarray],
    names: Sequence[str],
    *,
    rounds: int,
    seconds: float,
    report: Callable[[str], None],
    progress: Callable[[int, int], None],
) -> Speeds:
    """Race simulators on one program.

    Parameters
    ----------
    names
        Of :data:`celosia.sim.SIMULATORS`, all usable here.
    rounds, seconds
        See :func:`.race.race`.
    report
        Called with one line before something slow.
    progress
        Called with the turns done and all that there are.

    Raises
    ------
    DeviceError
        A simulator cannot be built, or stopped with an error.
    """
    config = program.config
    contestants: dict[str, Callable[[], Burst]] = {}
    openings: dict[str, Opening] = {}
    array_opening = None
    with ExitStack() as stack:
        for name in names:
            transport, openings[name] = _open(partial(_open_core, name, config), report)
            device = stack.enter_context(Device(transport))
            device.load(program)
            contestants[name] = partial(_infer, device, program, inputs)
            if name == "verilator":
                array = partial(_open_array, config)
                first, array_opening = _open(array, report)
                first.close()
                contestants[CORE] = partial(_run_core, device, program)
                contestants[ARRAY] = partial(_run_array, array)
        turns = (rounds + 1) * len(contestants)
        result = race(contestants, rounds=rounds, seconds=seconds, progress=lambda done: progress(done, turns))
    figures = tuple(_figures(name, openings[name], result[name]) for name in names)
    if array_opening is None:
        return Speeds(simulators=figures, core=None, array=None, array_opening=None, ratios=())
    return Speeds(
        simulators=figures,
        core=result[CORE].cycles_per_second,
        array=result[ARRAY].cycles_per_second,
        array_opening=array_opening,
        ratios=ratios(result[CORE], result[ARRAY]),
    )


def _figures(name: str, opening: Opening, speed: Speed) -> SimulatorFigures:
    return SimulatorFigures(
        name=name,
        opening=opening,
        cycles_per_second=speed.cycles_per_second,
        inferences_per_second=speed.inferences_per_second,
    )


# --- contestants ---


def _infer(device: Device, program: Program, inputs: Sequence[np.ndarray]) -> Burst:
    """One inference from inputs to outputs."""
    transport = device.transport
    before = transport.cycles if isinstance(transport, SimulatedTransport) else 0
    result = device.run(program, inputs)
    after = transport.cycles if isinstance(transport, SimulatedTransport) else result.cycles
    return Burst(after - before, 1)


def _run_core(device: Device, program: Program) -> Burst:
    """The array's part of one inference, on what lies in the memories."""
    transport = device.transport
    assert isinstance(transport, SimulatedTransport)
    before = transport.cycles
    for step in program.steps:
        if isinstance(step, ArrayStep):
            control.start(transport, program, step.start)
    return Burst(transport.cycles - before)


def _run_array(opener: Opener) -> Burst:
    """The bare array, for as long as it runs."""
    with opener(lambda line: None) as transport:
        transport.wait()
    return Burst(ARRAY_CYCLES)


# --- opening ---


def _open(opener: Opener, report: Callable[[str], None]) -> tuple[Transport, Opening]:
    """Open; if something had to be built, open again, to have both times."""
    lines: list[str] = []

    def show(line: str) -> None:
        lines.append(line)
        report(line)

    transport, took = _timed(opener, show)
    if not lines:
        return transport, Opening(took)
    transport.close()
    transport, again = _timed(opener, show)
    return transport, Opening(again, built=took)


def _timed(opener: Opener, show: Callable[[str], None]) -> tuple[Transport, float]:
    start = time.perf_counter()
    transport = opener(show)
    return transport, time.perf_counter() - start


def _open_core(name: str, config: Config, report: Callable[[str], None]) -> Transport:
    return open_transport(name, config, report=report)


def _open_array(config: Config, report: Callable[[str], None]) -> Transport:
    from celosia.sim.verilator import VerilatorTransport  # Verilator and Amaranth are not needed by the others

    from .bare_array import BareArray

    return VerilatorTransport(
        config,
        lambda: BareArray(config, ARRAY_CYCLES),
        external=MemoryModel(size=4096),
        fingerprint=f"bare array {ARRAY_CYCLES} {fingerprint(config)}",
        report=lambda line: report(f"bare array: {line}"),
    )


@contextmanager
def empty_cache() -> Iterator[None]:
    """Whatever is built in the block is built from nothing, and kept no longer than it."""
    before = os.environ.get("CELOSIA_CACHE")
    with tempfile.TemporaryDirectory(prefix="celosia-") as folder:
        os.environ["CELOSIA_CACHE"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["CELOSIA_CACHE"]
            else:
                os.environ["CELOSIA_CACHE"] = before
