# SPDX-License-Identifier: Apache-2.0
"""The order of the steps, and what stays on the disk afterwards."""

import dataclasses
import json
import os

import pytest

from celosia.boards import BOARDS
from celosia.build import flow
from celosia.build.errors import BuildError
from celosia.build.plan import Plan

BOARD = BOARDS["ulx3s-85f"]
PLACE = ["nextpnr-ecp5", "--json", "top.json", "--textcfg", "top.config"]
PACK = ["ecppack", "--input", "top.config", "--bit", "top.bit"]
SPEED = {1: 118.0, 2: 131.0, 3: 127.0}


@pytest.fixture
def steps(monkeypatch, tmp_path):
    """The tools only write the files that the next one reads; seeds differ in speed."""
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path))
    monkeypatch.setattr(flow, "versions", lambda family: {"pyosys": "0.70"})
    ran = []

    def make_plan(family, platform, top, *, clock_hz):
        return Plan(family, {"top.il": "", "top.ys": ""}, ["yosys"], PLACE, PACK, "top.bit")

    def run(name, arguments, folder, log, watch=None):
        ran.append(name)
        if name == "yosys":
            (folder / "top.json").write_text('{"modules": {"top": {"cells": {}, "ports": {}, "netnames": {}}}}')
        elif name == "nextpnr-ecp5":
            seed = int(arguments[arguments.index("--seed") + 1])
            (folder / arguments[arguments.index("--write") + 1]).touch()
            fmax = {"clk": {"achieved": SPEED[seed], "constraint": 125}}
            report = {"fmax": fmax, "critical_paths": [], "utilization": {}}
            (folder / f"seed{seed}" / "report.json").write_text(json.dumps(report))
        elif name == "ecppack":
            assert (folder / arguments[arguments.index("--input") + 1]).parent.is_dir()
            (folder / arguments[arguments.index("--bit") + 1]).write_text(arguments[1])

    monkeypatch.setattr(flow, "make_plan", make_plan)
    monkeypatch.setattr(flow, "Top", lambda system: None)  # which Amaranth wants to see elaborated
    monkeypatch.setattr(flow, "run_tool", run)
    monkeypatch.setattr("celosia.build.place.run_tool", run)
    monkeypatch.setattr("celosia.build.place.refine_file", lambda placed, clock_hz: None)
    return ran


def build(**options):
    """Of a board whose platform nobody looks at."""
    return flow.build(dataclasses.replace(BOARD, platform=lambda: None), jobs=1, **options)


def test_one_synthesis_all_seeds_one_bitstream(steps):
    said = []
    built = build(seeds=[1, 2, 3], tell=said.append)
    assert steps == ["yosys", *6 * ["nextpnr-ecp5"], "ecppack"]
    assert built.chosen.seed == 2
    assert built.bitstream.read_text() == "seed2/top.config"
    assert [path.name for path in built.bitstream.parent.parent.glob("seed*")] == ["seed2"]
    assert {"synthesizing", "seed 1: 118.0 MHz", "packing the bitstream"} <= set(said)
    build(seeds=[2])
    assert steps[8:] == ["nextpnr-ecp5", "nextpnr-ecp5", "ecppack"]


def test_a_clock_that_no_seed_meets_leaves_no_bitstream(steps):
    with pytest.raises(BuildError, match=r"118\.0 MHz of 125 MHz"):
        build(clock_hz=125e6, seeds=[1])
    assert "ecppack" not in steps


def test_a_failed_synthesis_is_not_taken_for_a_netlist(steps, monkeypatch):
    def fail(*_):
        raise BuildError("yosys failed")

    with monkeypatch.context() as patch:
        patch.setattr(flow, "run_tool", fail)
        with pytest.raises(BuildError, match="yosys failed"):
            build(seeds=[2])
    build(seeds=[2])
    assert steps == ["yosys", "nextpnr-ecp5", "nextpnr-ecp5", "ecppack"]


def test_the_netlists_used_last_are_kept(steps, tmp_path):
    folder = tmp_path / "build" / BOARD.name
    for age in range(2 * flow.NETLISTS):
        old = folder / f"old{age}"
        old.mkdir(parents=True)
        os.utime(old, (1e9 - age, 1e9 - age))
    built = build(seeds=[2])
    left = {path.name for path in folder.iterdir()}
    assert left == {built.chosen.folder.parent.name, *(f"old{age}" for age in range(flow.NETLISTS - 1))}
