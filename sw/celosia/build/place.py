# SPDX-License-Identifier: Apache-2.0
"""Placing and routing one synthesized design, from one or several random seeds."""

import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from celosia.gateware.family import Family

from .errors import BuildError, TooSlowError
from .plan import Plan
from .process import run_tool
from .refine import refine_file
from .report import Report, overfull, parse_report, parse_utilization_line

__all__ = ["Placed", "best", "place", "place_seeds"]

_PHASES = (
    (re.compile(r"Info: Pack"), "packing"),
    (re.compile(r"Info: (?:Creating initial analytic|Running main analytical|Running Static placer)"), "placing"),
    (re.compile(r"Info: Running simulated annealing"), "refining the placement"),
    (re.compile(r"Info: Routing"), "routing"),
)

_ITERATION = re.compile(r"Info:\s+iter=(\d+) .* tmgfail=(\d+) ")
"""The router's, and how many inputs are reached too late."""

ITERATIONS = 300
"""Of the router, several times what it needs where it ends well; nextpnr itself ends after 1,000, without a result."""

MARGIN = 1.02
"""How much faster than the clock an ECP5's router is asked to be: its own times are not quite those of nextpnr's last
analysis, which decides."""


@dataclass(frozen=True)
class Placed:
    """A design placed and routed from a seed; its files are in `folder`."""

    seed: int
    folder: Path
    report: Report


def place(plan: Plan, folder: Path, seed: int, note: Callable[[str], None] | None = None) -> Placed:
    """Place and route from one seed, in a folder of its own inside `folder`.

    Parameters
    ----------
    folder:
        Has the netlist and the constraints.
    note:
        Called with each phase that begins.

    Raises
    ------
    BuildError
        The design does not fit (the message says what and by how much), or nextpnr fails.
    TooSlowError
        The router finds no way to be in time.
    """
    own = folder / f"seed{seed}"
    own.mkdir(exist_ok=True)
    watch = _Watch(seed, own / "place.log", note)
    given = arguments(plan, seed, own.name)
    if plan.family is Family.ECP5:
        _in_two_runs(plan, folder, own, given, watch)
    else:
        run_tool(plan.place[0], given, folder, watch.log, watch)
    return Placed(seed, own, parse_report(plan.family, json.loads((own / "report.json").read_text())))


def _in_two_runs(plan: Plan, folder: Path, own: Path, given: list[str], watch: "_Watch") -> None:
    """Place, move what is late (:mod:`.refine`), and route."""
    placed = own / "placed.json"
    name = f"{own.name}/{placed.name}"
    run_tool(plan.place[0], _only_place(given, name), folder, watch.log, watch)
    watch.enter("moving what is late")
    watch.enter(str(refine_file(placed, plan.clock_hz * MARGIN)))
    watch.log = own / "route.log"
    run_tool(plan.place[0], _only_route(given, name), folder, watch.log, watch)
    placed.unlink()  # as large as the routed design, which has all that is in it


class _Watch:
    """Reads what nextpnr says, line by line: it tells of the phases, and ends what leads nowhere."""

    def __init__(self, seed: int, log: Path, note: Callable[[str], None] | None):
        self.seed, self.log, self.note = seed, log, note
        self.excess: list[str] = []
        self.phase = ""

    def __call__(self, line: str) -> None:
        if message := overfull(line):
            self.excess.append(message)
        elif self.excess and parse_utilization_line(line) is None:  # the table of what is used has ended
            raise BuildError(f"the design does not fit: {'; '.join(self.excess)}: choose a smaller configuration")
        if (match := _ITERATION.match(line)) and int(match[1]) >= ITERATIONS and match[2] != "0":
            raise TooSlowError(
                f"seed {self.seed}: the router does not reach {match[2]} inputs in time: "
                f"try a lower --clock, or more --seeds (what it says: {self.log})"
            )
        self.enter(next((phase for pattern, phase in _PHASES if pattern.match(line)), self.phase))

    def enter(self, phase: str) -> None:
        """Tell of a phase, if it is another one."""
        if phase != self.phase and self.note is not None:
            self.note(phase)
        self.phase = phase


def arguments(plan: Plan, seed: int, own: str) -> list[str]:
    """nextpnr's arguments: the plan's, with outputs in the seed's folder, the seed, and a report.

    Timing may fail here: what was reached is in the report, and it is for the caller to judge.
    """
    result: list[str] = []
    given = iter(plan.place[1:])
    for argument in given:
        if argument == "--log":
            next(given)
        elif argument in ("--textcfg", "--asc", "--write"):
            result += [argument, f"{own}/{next(given)}"]
        elif argument != "--quiet":
            result.append(argument)
    if "--write" not in result:
        result += ["--write", f"{own}/{plan.placed_design}"]
    return [*result, "--seed", str(seed), "--report", f"{own}/report.json", "--timing-allow-fail"]


def _only_place(given: list[str], placed: str) -> list[str]:
    """Arguments for a run that ends with places."""
    return [*_without(given, "--textcfg", "--report", "--write"), "--write", placed, "--no-route"]


def _only_route(given: list[str], refined: str) -> list[str]:
    """Arguments for a run that begins with them. Constraints are in the design already."""
    return ["--json", refined, *_without(given, "--json", "--lpf"), "--no-pack", "--no-place"]


def _without(given: list[str], *options: str) -> list[str]:
    """Arguments without some options and their values."""
    return [
        argument
        for before, argument in zip([None, *given], given, strict=False)
        if argument not in options and before not in options
    ]


def place_seeds(
    plan: Plan,
    folder: Path,
    seeds: Sequence[int],
    jobs: int,
    note: Callable[[int, str], None] | None = None,
    done: Callable[[Placed], None] | None = None,
) -> list[Placed]:
    """:func:`place` from every seed, `jobs` at a time, in the order of the seeds. Those that are too slow are left out.

    `note` is called with seed and phase, `done` with each result, both from the threads that wait for nextpnr.

    Raises
    ------
    BuildError
        Any seed failed: the others are not begun.
    TooSlowError
        All seeds are too slow.
    """
    late: list[TooSlowError] = []

    def one(seed: int) -> Placed | None:
        try:
            placed = place(plan, folder, seed, None if note is None else partial(note, seed))
        except TooSlowError as error:
            late.append(error)
            return None
        if done is not None:
            done(placed)
        return placed

    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(one, seed) for seed in seeds]
        wait(futures, return_when=FIRST_EXCEPTION)
        for future in futures:
            future.cancel()
        for future in futures:
            if future.done() and not future.cancelled() and (error := future.exception()):
                raise error
        placed = [result for future in futures if (result := future.result()) is not None]
    if not placed:
        raise late[0]
    return placed


def best(placed: Sequence[Placed]) -> Placed:
    """The fastest; of equally fast ones, the first seed's."""
    return max(placed, key=lambda entry: (entry.report.fmax_hz, -entry.seed))
