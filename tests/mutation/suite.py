# SPDX-License-Identifier: Apache-2.0
"""The tests that run gateware, in the order in which a fault should meet them: near and quick ones first."""

import ast
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as Xml
from collections.abc import Iterator
from importlib.util import resolve_name
from pathlib import Path

__all__ = ["FOLDERS", "GATEWARE", "NotElaboratedError", "Suite", "run_python"]

GATEWARE = Path("hw/celosia/gateware")
"""What faults are put into."""

FOLDERS: dict[str, tuple[str, ...]] = {
    "tests/gateware": (),
    "tests/fuzz": ("-k", "gateware"),
    "tests/networks": ("-k", "powers or bits or alone"),
    "tests/formal": (),
    "tests/sim_board": (),
    "tests/cosim": (),
    "tests/faults": (),
}
"""Where they are, and what chooses them."""

GUESS = 3.0  # seconds of a test that never ran
FIRST_ROUND, GROWTH = 10, 3  # seconds of tests in a process; how much more in the next one
PATIENCE = 40  # seconds of the processor that a process gets, and twice as much as its tests are known to take
LONGEST = 900  # seconds of the processor that any test gets on the gateware as it is
FARTHER = 6  # a test this many times as quick goes before one that is a step nearer


_IN_GATEWARE = re.compile(r"celosia/gateware/\S+\.py:\d+:")
"""A traceback through the gateware: simulators run what it describes, not its functions."""


_PYTEST = """
import resource, sys, pytest
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[1]), int(sys.argv[1]) + 5))
class Times:
    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            with open(sys.argv[2], "a") as file:
                print(report.duration, report.nodeid, file=file)
sys.exit(pytest.main(sys.argv[3:], [Times()]))
"""
"""Pytest with so many seconds of the processor: what hangs is known by them, however busy the machine is. What each
test took is in a file as soon as it has passed, so that it is known of all but the last when time was up."""


def module_of(path: Path) -> str:
    """The name of a module in a root of the sources, or in the tests."""
    parts = path.with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, folder: Path) -> set[str]:
    """The modules that a file of a checkout imports, and the names it takes from them, which may be modules, too."""
    package, names = ".".join(path.parent.parts[1:]), set()
    for node in ast.walk(ast.parse((folder / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            names |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return names


class NotElaboratedError(Exception):
    """A test fails because Python, or Amaranth, refuses what describes the hardware."""


def run_python(folder: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with the sources in a copy of the checkout; simulators are kept apart from the user's."""
    paths = os.pathsep.join(str(folder / root) for root in ("hw", "sw", "sim"))
    environment = os.environ | {"PYTHONPATH": paths, "CELOSIA_CACHE": str(cache)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


class Suite:
    """Tests, and how long each takes, which every run tells anew.

    Parameters
    ----------
    original:
        A copy of the checkout without a fault.
    cache:
        Where simulators are kept. Whatever a fault leaves alone is built once for all of them.
    times:
        A file that keeps the seconds of tests from run to run.
    most:
        Seconds of tests that a fault meets.
    """

    def __init__(self, original: Path, cache: Path, times: Path, most: float):
        self.original, self.cache, self.file, self.most = original, cache, times, most
        self.times: dict[str, float] = json.loads(times.read_text()) if times.is_file() else {}
        self._sound: set[str] = set()
        self.tests = [test for folder, chosen in FOLDERS.items() for test in self._collect(folder, *chosen)]
        files = {test.split("::")[0] for test in self.tests}
        self._imports = {name: imported(Path(name), original) for name in files}
        gateware = [p.relative_to(original) for p in (original / GATEWARE).rglob("*.py")]
        self._parts = {module_of(path): imported(path, original) for path in gateware}

    def _collect(self, *arguments: str) -> Iterator[str]:
        done = run_python(self.original, self.cache, "-m", "pytest", "--collect-only", "-q", "-n0", *arguments)
        return (line for line in done.stdout.splitlines() if line.startswith("tests/") and "::" in line)

    def seconds(self, test: str) -> float:
        """How long a test takes."""
        return self.times.get(test, GUESS)

    def rounds(self, path: Path) -> Iterator[list[str]]:
        """Tests for a fault in a file, in lists to be run one after the other."""
        order = sorted(self.tests, key=lambda test: (self.seconds(test) + 0.05) * FARTHER ** self._distance(path, test))
        room, total, tests = float(FIRST_ROUND), 0.0, []
        for test in order:
            if tests and (sum(map(self.seconds, tests)) + self.seconds(test) > room):
                yield tests
                tests, room = [], room * GROWTH
            total += self.seconds(test)
            if total > self.most:
                break
            tests.append(test)
        yield tests

    def _distance(self, path: Path, test: str) -> int:
        """0 for a test that imports the file, 1 for one that imports a user of it, for its neighbours and for whole
        cores, 2 for others."""
        file, module = test.split("::")[0], module_of(path)
        if module in self._imports[file]:
            return 0
        users = {user for user, names in self._parts.items() if module in names}
        near = users & self._imports[file] or {path.parent.name, "fuzz"} & {*Path(file).parts}
        return 1 if near or Path(file).stem == "test_core" else 2

    def first_failure(self, folder: Path, path: Path) -> str:
        """Run tests in a copy with a fault in ``path`` until one fails; its name, or nothing.

        Raises
        ------
        NotElaboratedError
            There is no hardware to test.
        RuntimeError
            The test fails without the fault, too: then it says nothing.
        """
        for tests in self.rounds(path):
            while failed := self._failure(folder, tests):
                if failed in self._sound:
                    return failed
                if self._failure(self.original, [failed], LONGEST):
                    raise RuntimeError(f"{failed} fails on the gateware as it is")
                self._sound.add(failed)  # once more: it may only have run longer than was guessed
        return ""

    def _failure(self, folder: Path, tests: list[str], limit: int = 0) -> str:
        """The first of some tests that fails, or does not come to an end."""
        limit = limit or round(PATIENCE + 2 * sum(map(self.seconds, tests)))
        report, times = folder / "report.xml", folder / "times.txt"
        report.unlink(missing_ok=True)
        times.write_text("")
        options = ("-x", "-v", "-n0", "-p", "no:cacheprovider", "--hypothesis-profile=mutation", f"--junitxml={report}")
        done = run_python(folder, self.cache, "-u", "-c", _PYTEST, str(limit), str(times), *options, *tests)
        failed = ""
        for case in Xml.parse(report).getroot().iter("testcase") if report.is_file() else ():
            name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
            if (problem := case.find("failure")) is not None or (problem := case.find("error")) is not None:
                if _IN_GATEWARE.search(problem.text or ""):
                    raise NotElaboratedError
                failed = failed or name
        for line in times.read_text().splitlines():
            seconds, test = line.split(" ", 1)
            self.times[test] = float(seconds)
        self.file.write_text(json.dumps(self.times, indent=0), encoding="utf-8")
        if done.returncode and not failed:
            begun = [line for line in done.stdout.splitlines() if line.startswith("tests/")]
            return begun[-1].split(" PASSED")[0].strip() if begun else tests[0]
        return failed
