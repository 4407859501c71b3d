# SPDX-License-Identifier: Apache-2.0
"""``python tests/mutation``: puts faults into the gateware one at a time, and sees whether the tests notice.

Each fault is put into a copy of the checkout, and the tests that run gateware are tried on it, near and quick ones
first; the first failure ends it. What cannot be elaborated, or changes no netlist of the designs in :mod:`.designs`,
is no fault and replaced by another; so is what people have judged to be none (:mod:`.equivalent`). Survivors are
printed, and written to a file for people to judge: a test is missing, or the change is none (a value that nothing
depends on).
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).parent))

from designs import designs_with
from equivalent import judgement
from mutants import Mutant, mutants_of
from suite import GATEWARE, NotElaboratedError, Suite, run_python

CHECKOUT = Path(__file__).parents[2]
PARTS = ("hw", "sw", "sim", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")


@dataclass(frozen=True)
class Verdict:
    """What came of a fault: "caught", "survived", "no fault" or "judged"; by which test or why, after how long."""

    mutant: Mutant
    outcome: str
    by: str
    seconds: float

    @property
    def is_fault(self) -> bool:
        """Whether it counts."""
        return self.outcome in ("caught", "survived")


@contextmanager
def copied_checkout() -> Iterator[Path]:
    """A folder with what the tests need, without version control; gone afterwards."""
    ignore = shutil.ignore_patterns(".*")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in PARTS:
            source = CHECKOUT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=ignore)
            else:
                shutil.copy(source, folder / part)
        yield folder


class Judge:
    """Judges faults by a suite of tests."""

    def __init__(self, suite: Suite):
        self.suite = suite
        self._netlists: dict[str, str] = {}  # of the designs without a fault, as far as they were needed

    def __call__(self, mutant: Mutant) -> Verdict:
        """Put one fault into a copy, and try the tests on it."""
        begun = time.monotonic()

        def verdict(outcome: str, by: str) -> Verdict:
            return Verdict(mutant, outcome, by, time.monotonic() - begun)

        line = (self.suite.original / mutant.path).read_text(encoding="utf-8").split("\n")[mutant.line - 1]
        if known := judgement(mutant.path, line, mutant.was, mutant.becomes):
            return verdict("judged", known.reason)
        with copied_checkout() as folder:
            target = folder / mutant.path
            target.write_text(mutant.apply(target.read_text(encoding="utf-8")), encoding="utf-8")
            try:
                test = self.suite.first_failure(folder, mutant.path)
            except NotElaboratedError:
                return verdict("no fault", "cannot be elaborated")
            if test:
                return verdict("caught", test)
            return verdict("survived", "") if self._shows(folder, mutant.path) else verdict("no fault", "in no netlist")

    def _shows(self, folder: Path, path: Path) -> bool:
        """Whether a fault changes the netlist of any design."""
        for name in designs_with(path):
            if name not in self._netlists:
                self._netlists[name] = self._netlist(self.suite.original, name)
            if self._netlist(folder, name) != self._netlists[name]:
                return True
        return False

    def _netlist(self, folder: Path, design: str) -> str:
        return run_python(folder, self.suite.cache, "tests/mutation/designs.py", design).stdout


def judge_all(judge: Judge, mutants: Sequence[Mutant], count: int, jobs: int) -> Iterator[Verdict]:
    """Judge mutants in their order until ``count`` of them were faults."""
    waiting, faults = iter(mutants), 0
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(judge, mutant) for _, mutant in zip(range(jobs), waiting, strict=False)}
        while running:
            future = next(as_completed(running))
            running.remove(future)
            verdict = future.result()
            faults += verdict.is_fault
            yield verdict
            if faults + len(running) < count and (mutant := next(waiting, None)):
                running.add(pool.submit(judge, mutant))


def report(verdicts: Sequence[Verdict], seed: int) -> str:
    """Markdown: the share that was caught, each survivor, and what was met that is judged to be no fault."""
    faults = [v for v in verdicts if v.is_fault]
    survivors = [v for v in faults if v.outcome == "survived"]
    caught = len(faults) - len(survivors)
    lines = [
        f"{caught} of {len(faults)} faults were caught ({100 * caught / max(len(faults), 1):.0f} %), seed {seed}.",
        "",
        *(f"- survived: `{v.mutant}`" for v in survivors),
        *(f"- judged to be none, not counted: `{v.mutant}`: {v.by}" for v in verdicts if v.outcome == "judged"),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python tests/mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="faults to try")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many of them, to go on where a run ended")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--only", default="", help="only faults whose description contains this, such as memory/ram.py:72"
    )
    parser.add_argument("--times", type=Path, default=Path("mutation.json"), help="keeps how long each test takes")
    parser.add_argument("--seconds", type=float, default=900, help="of tests that each meets")
    parser.add_argument("--output", type=Path, default=Path("mutation.md"), help="where survivors are listed")
    chosen = parser.parse_args()

    files = sorted(p.relative_to(CHECKOUT) for p in (CHECKOUT / GATEWARE).rglob("*.py"))
    mutants = [mutant for path in files for mutant in mutants_of(path, CHECKOUT) if chosen.only in str(mutant)]
    random.Random(chosen.seed).shuffle(mutants)
    verdicts: list[Verdict] = []
    with copied_checkout() as folder, tempfile.TemporaryDirectory() as cache, Progress() as progress:
        suite = Suite(folder, Path(cache), chosen.times, chosen.seconds)
        task = progress.add_task(f"{len(mutants)} places, {chosen.count} faults", total=chosen.count)
        judge = Judge(suite)
        for verdict in judge_all(judge, mutants[chosen.skip :], chosen.count, chosen.jobs):
            verdicts.append(verdict)
            progress.print(
                f"{verdict.outcome:9} {verdict.seconds:5.0f} s  {verdict.mutant}  {verdict.by}", soft_wrap=True
            )
            progress.update(task, advance=verdict.is_fault)
    text = report(verdicts, chosen.seed)
    chosen.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
