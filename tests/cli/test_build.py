# SPDX-License-Identifier: Apache-2.0
"""``celosia boards``, ``build`` and ``program`` as somebody at a terminal meets them; without the tools."""

import importlib
import json

import pytest

from celosia.boards import BOARDS
from celosia.boards.top import System
from celosia.build import BuildError, loader
from celosia.build.floorplan import Spot
from celosia.build.flow import Built
from celosia.build.place import Placed
from celosia.build.report import Path, Report
from celosia.demo import MODEL

cli_build = importlib.import_module("celosia.cli.build")
cli_boards = importlib.import_module("celosia.cli.boards")


@pytest.fixture
def tools(monkeypatch, tmp_path):
    """Building takes no time: what it was asked for, and what the bitstream will be."""
    monkeypatch.chdir(tmp_path)
    asked = {"content": b"bits"}

    def build(board, *, config=None, clock_hz=None, baud=None, seeds=(1,), jobs=None, tell):
        system = System.of(board, config=config, clock_hz=clock_hz, baud=baud)
        asked.update(config=system.config, clock_hz=system.clock_hz, baud=system.baud, seeds=list(seeds))
        tell("synthesizing")
        bitstream = tmp_path / "work.bit"
        bitstream.write_bytes(asked["content"])
        report = Report(131.25e6, {"LUT": (30_000, 83_640), "RAM": (206, 208)}, Path("clk", ()))
        placed = tuple(Placed(seed, tmp_path, report) for seed in seeds)
        return Built(
            board=board,
            config=system.config,
            clock_hz=system.clock_hz,
            baud=system.baud,
            seeds=placed,
            chosen=placed[-1],
            tools={"pyosys": "0.70"},
            bitstream=bitstream,
            placed_design=tmp_path / "placed.json",
            seconds={"synthesize": 61.2},
        )

    monkeypatch.setattr(cli_build, "build", build)
    monkeypatch.setattr(cli_build.floorplans, "read_spots", lambda path: [Spot("array", 3, 4, False)])
    return asked


def test_boards_are_listed_with_what_is_on_them(celosia, monkeypatch):
    port = loader.Port("/dev/ttyUSB3", "ULX3S", ("ulx3s-85f",))
    monkeypatch.setattr(cli_boards, "serial_ports", lambda: [port])
    done = celosia("boards")
    assert done.status == 0
    assert all(name in done.out for name in BOARDS)
    assert "/dev/ttyUSB3" in done.out
    listed = json.loads(celosia("boards", "--json").out)
    (ulx3s,) = (entry for entry in listed["boards"] if entry["name"] == "ulx3s-85f")
    assert ulx3s["ports"] == ["/dev/ttyUSB3"]
    assert ulx3s["config"] == "c256"
    assert ulx3s["sdram_bytes"] == 32 << 20


def test_boards_are_listed_where_ports_cannot_be_looked_for(celosia, monkeypatch):
    def missing():
        raise BuildError("finding boards needs pyserial")

    monkeypatch.setattr(cli_boards, "serial_ports", missing)
    done = celosia("boards")
    assert done.status == 0
    assert "icebreaker" in done.out
    assert "finding boards needs pyserial" in done.err
    assert json.loads(celosia("boards", "--json").out)["ports"] is None


def test_a_build_leaves_bitstream_manifest_page_and_picture(celosia, tools, tmp_path):
    pytest.importorskip("matplotlib", reason="needs matplotlib: pip install 'celosia[plot]'")
    done = celosia("build", "ulx3s-85f", "--seeds", "3", "--models", str(MODEL.parent))
    assert done.status == 0
    assert tools["seeds"] == [1, 2, 3]
    assert "fastest 131.2 MHz" in done.out or "fastest 131.3 MHz" in done.out
    assert "30,000" in done.out
    assert "a second" in done.out
    names = {path.name for path in (tmp_path / "build").iterdir()}
    assert names == {"ulx3s-85f.bit", "ulx3s-85f.png", "manifest.json", "README.md"}


def test_a_build_as_json(celosia, tools):
    done = celosia("build", "icepi-zero", "--clock", "75", "--baud", "1000000", "--output", "out", "--json")
    facts = json.loads(done.out)
    assert facts["clock_hz"] == tools["clock_hz"] == 75_000_000
    assert facts["baud"] == tools["baud"] == 1_000_000
    assert facts["config_hash"] == f"{BOARDS['icepi-zero'].config.hash:016x}"
    assert facts["seeds"] == [{"seed": 1, "fmax_hz": 131.25e6}]


def test_verify_builds_what_was_recorded(celosia, tools):
    options = ("--config", "c64,weight_bytes=8192", "--clock", "100", "--seeds", "2")
    assert celosia("build", "ulx3s-85f", *options, "--output", "out").status == 0
    recorded = dict(tools)
    done = celosia("build", "ulx3s-85f", "--verify", "--output", "out")
    assert done.status == 0
    assert "every bit the same" in done.out
    assert (tools["config"].hash, tools["clock_hz"]) == (recorded["config"].hash, 100_000_000)
    assert tools["seeds"] == [2]
    assert json.loads(celosia("build", "ulx3s-85f", "--verify", "--output", "out", "--json").out)["same"] is True


def test_verify_sees_another_bit(celosia, tools):
    celosia("build", "ulx3s-85f")
    tools["content"] = b"bitz"
    done = celosia("build", "ulx3s-85f", "--verify")
    assert done.status == 2
    assert "the bitstream is not the recorded one" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "de10"), "no board is called 'de10'; choose one of ulx3s-85f"),
        (("build", "ulx3s-85f", "--clock", "151"), "makes no 151 MHz from 25 MHz: the nearest is 150 MHz"),
        (("build", "ulx3s-85f", "--config", "c9000"), "no configuration is called 'c9000'"),
        (("build", "ulx3s-85f", "--baud", "99000000"), "board ulx3s-85f: a bit must last"),
        (("build", "ulx3s-85f", "--verify"), "no bitstream for ulx3s-85f is recorded there"),
        (("build", "ulx3s-85f", "--verify", "--seeds", "2"), "--verify builds what was recorded"),
        (("program", "de10"), "no board is called 'de10'"),
        (("program", "ulx3s-85f"), "celosia build ulx3s-85f makes one"),
        (("program", "ulx3s-85f", "--bitstream", "none.bit"), "none.bit: there is no such bitstream"),
    ],
)
def test_what_is_wrong_is_one_line(celosia, tools, arguments, message):
    done = celosia(*arguments)
    assert done.status == 2
    assert message in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_what_was_built_is_what_is_loaded(celosia, tools, monkeypatch):
    loaded = []
    monkeypatch.setattr(loader, "program", lambda board, file, flash: loaded.append((board.name, str(file), flash)))
    celosia("build", "ulx3s-85f")
    assert celosia("program", "ulx3s-85f").status == 0
    assert json.loads(celosia("program", "ulx3s-85f", "--flash", "--json").out)["flash"] is True
    assert loaded == [("ulx3s-85f", "build/ulx3s-85f.bit", False), ("ulx3s-85f", "build/ulx3s-85f.bit", True)]
