# SPDX-License-Identifier: Apache-2.0
"""A bitstream, from Amaranth to the last bit, of a design that is small enough for a test.

It runs where the tools are: pip install 'celosia[fpga]'.
"""

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth.lib import io

from celosia.arch.config import preset
from celosia.boards import BOARDS
from celosia.boards.clocking import Clocking
from celosia.boards.lights import Lights
from celosia.boards.top import System
from celosia.build import flow
from celosia.build.floorplan import draw, read_spots
from celosia.build.place import place
from celosia.build.plan import TOP, make_plan
from support.tools import tools_of

BOARD = BOARDS["icebreaker"]
LAMPS = (("running", "led_g", 0), ("error", "led_r", 0))


class Heartbeat(Elaboratable):
    """The board's clock and its lights, with the serial line for a start signal: some 60 logic cells."""

    def elaborate(self, platform):
        m = Module()
        system = System.of(BOARD)
        m.submodules.clocking = Clocking(system.pll)
        m.submodules.lights = lights = Lights(preset("c16"), clock_hz=system.clock_hz)
        m.submodules.rx = rx = io.Buffer("i", platform.request("uart", 0, dir="-").rx)
        m.d.comb += lights.started.eq(~rx.i)
        for name, resource, number in LAMPS:
            m.submodules[name] = lamp = io.Buffer("o", platform.request(resource, number, dir="-"))
            m.d.comb += lamp.o.eq(getattr(lights, name))
        return m


@pytest.fixture(scope="module")
def versions():
    return tools_of(BOARD.part.family)


@pytest.fixture(scope="module")
def built(versions, tmp_path_factory):
    """The plan, and the same design placed and packed twice, in different folders."""
    plan = make_plan(BOARD.part.family, BOARD.platform(), Heartbeat(), clock_hz=BOARD.clock_hz)
    results = []
    for name in ("here", "there"):
        folder = flow.synthesize(plan, tmp_path_factory.mktemp(name) / "deep", versions)
        placed = place(plan, folder, seed=2)
        results.append((folder, placed, flow.pack(plan, folder, placed)))
    return plan, results


def test_every_bit_is_the_same_wherever_it_is_built(built):
    _, ((_, _, here), (_, _, there)) = built
    assert here.read_bytes() == there.read_bytes()
    assert here.stat().st_size > 100_000


def test_the_plan_itself_is_the_same_every_time(built):
    plan, _ = built
    again = make_plan(BOARD.part.family, BOARD.platform(), Heartbeat(), clock_hz=BOARD.clock_hz)
    assert again == plan
    assert again.key == plan.key


def test_variables_that_change_amaranths_plans_change_nothing(built, monkeypatch):
    plan, _ = built
    monkeypatch.setenv("AMARANTH_synth_opts", "-noabc")
    monkeypatch.setenv("AMARANTH_nextpnr_opts", "--seed 99")
    assert make_plan(BOARD.part.family, BOARD.platform(), Heartbeat(), clock_hz=BOARD.clock_hz) == plan


def test_the_report_is_of_this_design(built):
    _, ((_, placed, _), _) = built
    report = placed.report
    used, available = report.resources["LUT"]
    assert 30 < used < 150
    assert available == BOARD.part.luts
    assert report.resources["RAM"] == (0, BOARD.part.block_rams)
    assert report.fmax_hz > BOARD.clock_hz
    assert {"clocking", "lights"} & set(report.path.blocks)
    assert 1e9 / report.path.nanoseconds == pytest.approx(report.fmax_hz, rel=0.02)


def test_the_netlist_is_made_once(built, versions):
    plan, ((folder, _, _), _) = built
    before = (folder / f"{TOP}.json").stat().st_mtime_ns
    assert flow.synthesize(plan, folder.parent, versions) == folder
    assert (folder / f"{TOP}.json").stat().st_mtime_ns == before


def test_the_floorplan_shows_every_block(built, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'celosia[plot]'")
    plan, ((_, placed, _), _) = built
    spots = read_spots(placed.folder / plan.placed_design)
    assert {"clocking", "lights", "pins"} <= {spot.block for spot in spots}
    draw(spots, tmp_path / "chip.png", "a heartbeat")
    assert (tmp_path / "chip.png").read_bytes().startswith(b"\x89PNG")
