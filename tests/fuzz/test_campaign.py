# SPDX-License-Identifier: Apache-2.0
"""Campaigns: a bounded, repeatable share of `celosia fuzz`, and that it finds what is wrong."""

import random
import shlex

import numpy as np
import pytest

from celosia import golden
from celosia.arch.config import PRESETS
from celosia.fuzz.campaign import Report, Unit, run_unit, run_units, save_findings, units
from celosia.fuzz.cores import random_config
from celosia.fuzz.coverage import FEATURES
from celosia.sim.functional import machine
from support.command_line import command


@pytest.mark.parametrize("seed", range(4))
def test_random_networks_on_random_cores(seed):
    """On the functional simulator, which takes milliseconds a case."""
    report = run_unit(Unit(seed, random_config(random.Random(seed)), 60, "functional"))
    assert report.findings == []
    assert report.cases + sum(report.unfit.values()) >= 30


@pytest.mark.parametrize("config", ["c16", "random"])
def test_random_networks_on_gateware(config):
    core = PRESETS["c16"] if config == "c16" else random_config(random.Random(5))
    report = run_unit(Unit(7, core, 40))
    assert report.findings == []
    assert report.cases >= 20


def test_equal_seeds_draw_equal_cases():
    unit = Unit(3, PRESETS["c16"], 20, "functional")
    first, second = run_unit(unit), run_unit(unit)
    assert first.coverage == second.coverage
    assert first.cases == second.cases > 0


def test_random_cores_differ_and_can_be_built():
    cores = [random_config(random.Random(seed)) for seed in range(40)]
    assert len({core.hash for core in cores}) > 35
    assert any(core.down_channels for core in cores)
    assert any(not core.external for core in cores)


def test_a_fault_is_found_shrunk_and_reproduced(monkeypatch, tmp_path, capfd):
    """A device that adds wrongly: the smallest case is one little ADD, with at most a layer to feed it."""
    wrong = machine.run_add

    def run_add(config, memories, fields):
        wrong(config, memories, fields | {"zero_point_out": fields["zero_point_out"] ^ 1})

    monkeypatch.setattr(machine, "run_add", run_add)
    report = Report()
    for seed in range(5):
        report.add(run_unit(Unit(seed, PRESETS["c16"], 60, "functional")))
        if report.findings:
            break
    (finding,) = report.findings
    assert "the golden model differ" in finding.message
    kinds = [op.kind for op in finding.case.graph.ops]
    assert kinds[-1] == "ADD"
    assert len(kinds) <= 2
    assert all(np.prod(t.shape) <= 2 for t in finding.case.graph.tensors if t.data is None)

    ((_, line),) = save_findings(report, tmp_path)
    program, *arguments = shlex.split(line)
    assert program == "celosia"
    assert command(capfd, *arguments).status == 1
    monkeypatch.setattr(machine, "run_add", wrong)
    assert command(capfd, *arguments).status == 0


def test_a_golden_model_that_is_wrong_is_told_from_the_reference(monkeypatch):
    pytest.importorskip("tflite_micro")
    right = golden.run
    monkeypatch.setattr(golden, "run", lambda graph, inputs: [y ^ 1 for y in right(graph, inputs)])
    (finding,) = run_unit(Unit(0, PRESETS["c16"], 5, "functional")).findings
    assert "the golden model and TensorFlow Lite Micro differ" in finding.message


def test_units_run_in_processes_and_add_up():
    total, beats = Report(), []
    for report in run_units(units(0, PRESETS["c16"], 10, "functional"), 0, jobs=2, beat=beats.append):
        total.add(report)
    assert total.units == 2
    assert total.cases > 0
    assert beats
    assert total.findings == []


def test_coverage_knows_features_pairs_and_holes():
    coverage = run_unit(Unit(1, PRESETS["c16"], 60, "functional")).coverage
    assert coverage["CONV"] > 10
    assert coverage["CONV kernel rows × padded above"] > 0
    names = {f"{opcode.name} {name}" for opcode, features in FEATURES.items() for name in features}
    assert set(coverage.holes()) <= names
    assert all(coverage[name] == 0 for name in coverage.holes())
    seen, pairs = coverage.pairs()
    assert 100 < seen < pairs


def test_the_command_line(capfd, tmp_path):
    folder = tmp_path / "found"
    outcome = command(
        capfd, "fuzz", "--minutes", 0, "--on", "functional", "--config", "c16", "--cases", 10, "--jobs", 1,
        "--output", folder, "--json",
    )  # fmt: skip
    assert outcome.status == 0
    facts = outcome.json
    assert facts["cores"] == 1
    assert facts["cases"] > 0
    assert facts["findings"] == []
    assert not folder.exists()


def test_bad_arguments(capfd, tmp_path):
    assert "no configuration is called" in command(capfd, "fuzz", "--config", "c7").complaint()
    missing = tmp_path / "missing" / "found"
    assert "there is no folder" in command(capfd, "fuzz", "--output", missing).complaint()
