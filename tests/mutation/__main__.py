# SPDX-License-Identifier: Apache-2.0
"""``python tests/mutation``: puts faults into the gateware one at a time, and sees whether the tests notice.

Each fault is put into a copy of the checkout. One that cannot be elaborated, or changes no netlist of the cores
tried, is no fault and replaced by another. The tests of the block run first, then the other tests of the gateware, then
a share of random networks; the first failure ends it. Survivors are printed, and written to a file for people to
judge: a test is missing, or the change is none (a value that nothing depends on).
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

sys.path.insert(0, str(Path(__file__).parent))

from mutants import Mutant, mutants_of

CHECKOUT = Path(__file__).parents[2]
GATEWARE = Path("hw/celosia/gateware")
PARTS = ("hw", "sw", "sim", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
PATIENCE = 900  # seconds for one step of the tests; a design that hangs is noticed

NETLISTS = """
import hashlib
from amaranth.back import rtlil
from celosia.arch.config import PRESETS
from celosia.gateware.core import Core
cores = PRESETS["c16"], PRESETS["c64"].replace(weight_rows=1, lanes=2), PRESETS["c64"].replace(rows=12, bus_bits=32)
print([hashlib.sha256(rtlil.convert(Core(c), emit_src=False).encode()).hexdigest() for c in cores])
"""
"""Prints a hash of the netlists of a few cores that differ in what they have."""


@dataclass(frozen=True)
class Verdict:
    """What came of a fault: "caught", "survived", or "no fault"; and by which tests, after how long."""

    mutant: Mutant
    outcome: str
    by: str
    seconds: float


def copy_checkout(folder: Path) -> None:
    """What the tests need, without version control and caches."""
    ignore = shutil.ignore_patterns("__pycache__", ".*")
    for part in PARTS:
        source = CHECKOUT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=ignore)
        else:
            shutil.copy(source, folder / part)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the copy's sources; its simulators are kept apart from the user's."""
    paths = os.pathsep.join(str(folder / root) for root in ("hw", "sw", "sim"))
    environment = os.environ | {"PYTHONPATH": paths, "CELOSIA_CACHE": str(folder / "cache")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip


def steps_for(path: Path) -> list[tuple[str, ...]]:
    """The tests to try, nearest first."""
    near = Path("tests/gateware") / path.relative_to(GATEWARE).parent
    steps = [(str(near),)] if (CHECKOUT / near).is_dir() and near != Path("tests/gateware") else []
    return [*steps, ("tests/gateware",), ("tests/fuzz", "-k", "gateware"), ("tests/networks", "-k", "powers or bits")]


def judge(mutant: Mutant, original: str) -> Verdict:
    """Put one fault into a copy, and try the tests on it."""
    begun = time.monotonic()

    def verdict(outcome: str, by: str) -> Verdict:
        return Verdict(mutant, outcome, by, time.monotonic() - begun)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_checkout(folder)
        target = folder / mutant.path
        target.write_text(mutant.apply(target.read_text(encoding="utf-8")), encoding="utf-8")
        netlists = run(folder, "-c", NETLISTS)
        if netlists.returncode or netlists.stdout == original:
            return verdict("no fault", "cannot be elaborated" if netlists.returncode else "changes no netlist")
        for step in steps_for(mutant.path):
            try:
                done = run(folder, "-m", "pytest", "-x", "-q", "-n0", *step)
            except subprocess.TimeoutExpired:
                return verdict("caught", f"{step[0]} (hangs)")
            if done.returncode == 1:
                return verdict("caught", step[0])
            if done.returncode not in (0, 5):
                return verdict("caught", f"{step[0]} (cannot run)")
    return verdict("survived", "")


def judge_all(mutants: Sequence[Mutant], count: int, jobs: int) -> Iterator[Verdict]:
    """Judge mutants in their order until ``count`` of them were faults."""
    with tempfile.TemporaryDirectory() as name:
        copy_checkout(Path(name))
        original = run(Path(name), "-c", NETLISTS).stdout
    waiting, faults = iter(mutants), 0
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(judge, mutant, original) for _, mutant in zip(range(jobs), waiting, strict=False)}
        while running:
            future = next(as_completed(running))
            running.remove(future)
            verdict = future.result()
            faults += verdict.outcome != "no fault"
            yield verdict
            if faults + len(running) < count and (mutant := next(waiting, None)):
                running.add(pool.submit(judge, mutant, original))


def report(verdicts: Sequence[Verdict], seed: int) -> str:
    """Markdown: the share that was caught, and each survivor."""
    faults = [v for v in verdicts if v.outcome != "no fault"]
    survivors = [v for v in faults if v.outcome == "survived"]
    caught = len(faults) - len(survivors)
    lines = [
        f"{caught} of {len(faults)} faults were caught ({100 * caught / max(len(faults), 1):.0f} %), seed {seed}.",
        "",
        *(f"- survived: `{v.mutant}`" for v in survivors),
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python tests/mutation", description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="faults to try")
    parser.add_argument("--seed", type=int, default=0, help="which ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", default="", help="only files whose path contains this")
    parser.add_argument("--output", type=Path, default=Path("mutation.md"), help="where survivors are listed")
    chosen = parser.parse_args()

    files = sorted(p.relative_to(CHECKOUT) for p in (CHECKOUT / GATEWARE).rglob("*.py") if chosen.only in str(p))
    mutants = [mutant for path in files for mutant in mutants_of(path, CHECKOUT)]
    random.Random(chosen.seed).shuffle(mutants)
    verdicts: list[Verdict] = []
    with Progress() as progress:
        task = progress.add_task(f"{len(mutants)} places, {chosen.count} faults", total=chosen.count)
        for verdict in judge_all(mutants, chosen.count, chosen.jobs):
            verdicts.append(verdict)
            progress.print(
                f"{verdict.outcome:9} {verdict.seconds:5.0f} s  {verdict.mutant}  {verdict.by}", soft_wrap=True
            )
            progress.update(task, advance=verdict.outcome != "no fault")
    text = report(verdicts, chosen.seed)
    chosen.output.write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
