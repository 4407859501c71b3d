# SPDX-License-Identifier: Apache-2.0
"""Many cases on many cores, in parallel, until time is up."""

import random
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, Phase, assume, given, seed, settings

from celosia.arch.config import Config
from celosia.sim import SimulatorError
from celosia.workers import connected

from .case import Case, cases
from .cores import random_config
from .coverage import Coverage
from .examine import DoesNotFitError, examine

__all__ = ["Finding", "Report", "Unit", "run_unit", "run_units", "save_findings", "units"]

REASON = 60
"""Characters of a reason that are kept to count by."""


@dataclass(frozen=True)
class Unit:
    """The piece of work that is handed out: so many cases on one core."""

    seed: int
    config: Config
    cases: int
    on: str = "verilator"


@dataclass(frozen=True)
class Finding:
    """The smallest case that failed, on which simulator, and what is wrong with it."""

    case: Case
    on: str
    message: str


@dataclass
class Report:
    """What units did; reports add up.

    Parameters
    ----------
    cases:
        Run and compared.
    unfit:
        Networks that were too large, by the reason's beginning; not among ``cases``.
    """

    units: int = 0
    cases: int = 0
    unfit: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    seconds: float = 0.0

    def add(self, other: "Report") -> None:
        """Add another report to this one."""
        self.units += other.units
        self.cases += other.cases
        self.unfit += other.unfit
        self.findings += other.findings
        self.coverage.update(other.coverage)
        self.seconds += other.seconds


def run_unit(unit: Unit) -> Report:
    """Draw and examine a unit's cases; the first failure is shrunk and ends the unit."""
    report, begun = Report(units=1), time.monotonic()
    failed: list[Finding] = []

    def attempt(case: Case) -> None:
        try:
            program = examine(case, unit.on)
        except DoesNotFitError as reason:
            report.unfit[str(reason)[:REASON]] += 1
            assume(False)
        except SimulatorError:
            raise
        except Exception as error:
            failed.append(Finding(case, unit.on, "".join(traceback.format_exception_only(error)).strip()))
            raise
        else:
            report.cases += 1
            report.coverage.add(program)

    test = settings(
        max_examples=unit.cases,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=(HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large),
        report_multiple_bugs=False,
    )(seed(unit.seed)(given(cases(unit.config))(attempt)))
    try:
        with warnings.catch_warnings():
            # Dask's own threads use `random` meanwhile, which Hypothesis takes for this one's doing.
            warnings.filterwarnings("ignore", "Do not use the `random` module")
            test()
    except Exception:
        if not failed:
            raise
        report.findings.append(failed[-1])  # Hypothesis runs the smallest one last
    report.seconds = time.monotonic() - begun
    return report


def units(first: int, config: Config | None, cases: int, on: str) -> Iterator[Unit]:
    """Units without end, each on the next random core, or all on ``config``."""
    number = first
    while True:
        core = config or random_config(random.Random(number))
        yield Unit(number, core, cases, on)
        number += 1


def run_units(
    work: Iterator[Unit],
    seconds: float,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    beat: Callable[[float], None] = lambda passed: None,
) -> Iterator[Report]:
    """Run units on local processes, or on an existing Dask cluster, and give each one's report as it comes.

    Parameters
    ----------
    seconds:
        No unit begins after that.
    jobs:
        Local processes; None for one a core. Without meaning with ``scheduler``.
    scheduler:
        Address of a Dask scheduler.
    beat:
        Called every second with the seconds that have passed.

    Raises
    ------
    WorkersError
        There is no scheduler at the address.
    """
    begun = time.monotonic()
    with connected(jobs, scheduler) as client:
        running = {client.submit(run_unit, next(work), pure=False) for _ in range(len(client.nthreads()) or 1)}
        while running:
            time.sleep(1)
            passed = time.monotonic() - begun
            beat(min(passed, seconds))
            for future in [future for future in running if future.done()]:
                running.remove(future)
                if passed < seconds:
                    running.add(client.submit(run_unit, next(work), pure=False))
                yield future.result()


def save_findings(report: Report, folder: Path) -> list[tuple[Finding, str]]:
    """Keep every finding in a folder of its own; with each, the command that runs it."""
    return [
        (finding, finding.case.save(folder / f"{number:03}", finding.on))
        for number, finding in enumerate(report.findings, 1)
    ]
