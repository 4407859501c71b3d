# SPDX-License-Identifier: Apache-2.0
"""Cosimulation: the core as Verilog in Verilator, cocotb in charge, and at its buses models nobody here wrote.

``pytest tests/cosim`` runs every bench on every configuration with one seed, the same everywhere. For a longer run
``CELOSIA_COSIM_SEEDS=20 pytest tests/cosim`` takes that many seeds. Where tools are missing the tests are skipped and
say why; with ``CI`` set in the environment that is a failure.
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .building import TOP, build, missing
from .configurations import CONFIGURATIONS

_LAST_LINES = 25


@pytest.fixture
def cosimulate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, int], None]:
    """``cosimulate(bench, configuration, seed)`` runs every test of a module of ``cosim.benches``."""
    if why := missing():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)

    def run(bench: str, configuration: str, seed: int) -> None:
        from cocotb_tools.runner import get_runner

        folder = build(CONFIGURATIONS[configuration])
        monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, the runner would end pytest when a test fails
        log, results = tmp_path / "log", tmp_path / "results.xml"
        with contextlib.suppress(RuntimeError, SystemExit):  # an assertion of the hardware ends the simulation early
            get_runner("verilator").test(
                f"cosim.benches.{bench}",
                hdl_toplevel=TOP,
                hdl_toplevel_lang="verilog",
                build_dir=folder,
                test_dir=tmp_path,
                results_xml=str(results),
                log_file=log,
                seed=seed,
                extra_env={
                    "CELOSIA_COSIM_CONFIGURATION": configuration,
                    "CELOSIA_COSIM_SEED": str(seed),
                    "COCOTB_LOG_LEVEL": "WARNING",
                    "GPI_LOG_LEVEL": "WARNING",
                    "PYTHONWARNINGS": "ignore::DeprecationWarning",  # of the models, written for older cocotb
                },
            )
        judge(results, log)

    return run


def judge(results: Path, log: Path) -> None:
    """Fail unless there are results and none is bad."""
    said = log.read_text() if log.exists() else ""
    last = "\n".join(said.splitlines()[-_LAST_LINES:])
    if not results.exists():
        pytest.fail(f"the simulation ended early:\n{last}", pytrace=False)
    cases = list(ElementTree.parse(results).getroot().iter("testcase"))
    bad = [case.get("name") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    assert cases, "no test ran"
    if bad:
        pytest.fail(f"{', '.join(map(str, bad))}:\n{said}", pytrace=False)
