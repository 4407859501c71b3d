# SPDX-License-Identifier: Apache-2.0
"""Seeds: what nextpnr is told, which result is taken, and what becomes of failures."""

import dataclasses
from pathlib import Path

import pytest

from celosia.build import place as placing
from celosia.build.errors import BuildError, TooSlowError
from celosia.build.flow import check_clock
from celosia.build.place import Placed, arguments, best, place, place_seeds
from celosia.build.plan import Plan
from celosia.build.refine import Refined
from celosia.build.report import Path as Slowest
from celosia.build.report import Report
from celosia.gateware.family import Family

ECP5 = ["nextpnr-ecp5", "--quiet", "--freq", "125", "--log", "top.tim", "--85k", "--json", "top.json"]
ECP5 += ["--lpf", "top.lpf", "--textcfg", "top.config"]
GOWIN = ["nextpnr-gowin", "--quiet", "--log", "top.tim", "--json", "top.syn.json", "--write", "top.pnr.json"]


def plan(family, command):
    return Plan(family, {}, [], command, [], "top.bit")


def result(seed, megahertz):
    return Placed(seed, Path(f"seed{seed}"), Report(megahertz * 1e6, {}, Slowest("clk", ())))


def test_outputs_go_to_the_seeds_own_folder():
    given = arguments(plan(Family.ECP5, ECP5), 7, "seed7")
    assert given[:6] == ["--freq", "125", "--85k", "--json", "top.json", "--lpf"]
    assert "--quiet" not in given
    assert "--log" not in given
    assert given[given.index("--textcfg") + 1] == "seed7/top.config"
    assert given[given.index("--write") + 1] == "seed7/top.pnr.json"
    assert given[given.index("--report") + 1] == "seed7/report.json"
    assert given[given.index("--seed") + 1] == "7"
    assert "--timing-allow-fail" in given


def test_the_cells_of_an_ecp5_move_between_placing_and_routing(monkeypatch, tmp_path):
    asked = []

    def run(name, arguments, folder, log, watch):
        asked.append(arguments)
        folder.joinpath(arguments[arguments.index("--write") + 1]).write_text("placed")
        (folder / "seed3" / "report.json").write_text('{"fmax": {}, "critical_paths": [], "utilization": {}}')

    def refine(placed, clock_hz):
        asked.append((placed.read_text(), clock_hz))
        return Refined(7, 9185, 7560)

    monkeypatch.setattr(placing, "run_tool", run)
    monkeypatch.setattr(placing, "refine_file", refine)
    phases = []
    place(dataclasses.replace(plan(Family.ECP5, ECP5), clock_hz=125e6), tmp_path, 3, phases.append)
    first, moved, second = asked
    common = ["--freq", "125", "--85k", "--seed", "3", "--timing-allow-fail"]
    assert moved == ("placed", 125e6 * placing.MARGIN)
    assert 1 < placing.MARGIN < 1.05
    assert sorted(first) == sorted(
        [*common, "--json", "top.json", "--lpf", "top.lpf", "--write", "seed3/placed.json", "--no-route"]
    )
    routed = ["--json", "seed3/placed.json", "--textcfg", "seed3/top.config", "--write", "seed3/top.pnr.json"]
    assert sorted(second) == sorted([*common, *routed, "--report", "seed3/report.json", "--no-pack", "--no-place"])
    assert phases == ["moving what is late", "7 moves, the slowest path by estimate 9.2 ns before and 7.6 after"]
    assert not (tmp_path / "seed3" / "placed.json").exists()


def test_a_design_that_is_written_anyway_is_not_written_twice():
    given = arguments(plan(Family.GOWIN, GOWIN), 1, "seed1")
    assert given.count("--write") == 1
    assert "seed1/top.pnr.json" in given


def test_the_fastest_wins_and_the_first_of_equals():
    assert best([result(1, 120), result(2, 131), result(3, 131), result(4, 90)]).seed == 2


def test_results_come_in_the_order_of_the_seeds(monkeypatch, tmp_path):
    monkeypatch.setattr(placing, "place", lambda plan, folder, seed, note: result(seed, 100 + seed))
    done = []
    placed = place_seeds(plan(Family.ECP5, ECP5), tmp_path, [3, 1, 2], jobs=2, done=done.append)
    assert [entry.seed for entry in placed] == [3, 1, 2]
    assert sorted(entry.seed for entry in done) == [1, 2, 3]


def test_one_failure_is_everybodys(monkeypatch, tmp_path):
    def fail(plan, folder, seed, note):
        raise BuildError(f"seed {seed} fails")

    monkeypatch.setattr(placing, "place", fail)
    with pytest.raises(BuildError, match="seed 1 fails"):
        place_seeds(plan(Family.ECP5, ECP5), tmp_path, [1, 2, 3], jobs=1)


def test_seeds_that_are_too_slow_are_left_out(monkeypatch, tmp_path):
    def slow(plan, folder, seed, note):
        if seed != 2:
            raise TooSlowError(f"seed {seed} is late")
        return result(seed, 90)

    monkeypatch.setattr(placing, "place", slow)
    assert [entry.seed for entry in place_seeds(plan(Family.ECP5, ECP5), tmp_path, [1, 2, 3], jobs=1)] == [2]
    with pytest.raises(TooSlowError, match="seed 1 is late"):
        place_seeds(plan(Family.ECP5, ECP5), tmp_path, [1, 3], jobs=1)


def test_a_router_that_does_not_get_faster_is_ended(monkeypatch, tmp_path):
    def run(name, arguments, folder, log, watch):
        if "--no-route" in arguments:
            return
        for number in range(1, 2000):
            late = 0 if number == placing.ITERATIONS else 4
            watch(f"Info:     iter={number} wires=1040792 overused=0 overuse=0 tmgfail={late} archfail=NA")
        raise AssertionError("nobody ended it")

    monkeypatch.setattr(placing, "run_tool", run)
    monkeypatch.setattr(placing, "refine_file", lambda placed, clock_hz: Refined(0, 0, 0))
    said = r"seed 5: the router does not reach 4 inputs in time: try a lower --clock, .*seed5/route\.log\)"
    with pytest.raises(TooSlowError, match=said):
        place(plan(Family.ECP5, ECP5), tmp_path, 5)


def test_a_design_that_does_not_fit_ends_at_once_and_says_by_how_much(monkeypatch, tmp_path):
    said = [
        "Info: Device utilisation:",
        "Info: \t          TRELLIS_IO:      16/    365     4%",
        "Info: \t              DP16KD:     407/    208   195%",
        "Info: \t               DCCA:        2/     56     3%",
        "Info: \t          MULT18X18D:     320/    156   205%",
        "",
        "Info: Placed 16 cells based on constraints.",
    ]

    def run(name, arguments, folder, log, watch):
        for number, line in enumerate(said):
            watch(line)
            assert number < 5, "nextpnr goes on although the design does not fit"

    monkeypatch.setattr(placing, "run_tool", run)
    with pytest.raises(BuildError, match=r"407 DP16KD .*\(199 too many\); 320 MULT18X18D .*\(164 too many\)"):
        place(plan(Family.ECP5, ECP5), tmp_path, 1)


def test_phases_are_told_once_each(monkeypatch, tmp_path):
    said = ["Info: Packing IOs..", "Info: Packing LUTs...", "Info: Creating initial analytic placement for 9 cells"]
    said += ["Info: Running simulated annealing placer for refinement.", "Info: Routing..", "Info: Routing 40 arcs."]

    def run(name, arguments, folder, log, watch):
        for line in said[:-2] if "--no-route" in arguments else said[-2:]:
            watch(line)
        (folder / arguments[arguments.index("--write") + 1]).touch()
        (folder / "seed1" / "report.json").write_text('{"fmax": {}, "critical_paths": [], "utilization": {}}')

    monkeypatch.setattr(placing, "run_tool", run)
    monkeypatch.setattr(placing, "refine_file", lambda placed, clock_hz: Refined(0, 0, 0))
    phases = []
    place(plan(Family.ECP5, ECP5), tmp_path, 1, phases.append)
    begun = ["packing", "placing", "refining the placement", "moving what is late"]
    assert phases == [*begun, str(Refined(0, 0, 0)), "routing"]


def test_a_clock_that_is_not_met_is_an_error_with_a_way_out():
    check_clock(result(1, 125), 125_000_000)
    with pytest.raises(BuildError, match=r"118\.2 MHz of 125 MHz.*--clock 118"):
        check_clock(result(1, 118.2), 125_000_000)
