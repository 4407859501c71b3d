# SPDX-License-Identifier: Apache-2.0
"""`celosia explore` as a user meets it."""

import csv
import json

import pytest

from celosia.demo import MODEL
from celosia.explore.model import AreaModel

HEADER = ["core", "strategy", "cycles", "use", "KiB", "LUTs", "FFs", "mult", "RAM", "FPGA"]


@pytest.fixture
def explore(celosia, cluster, monkeypatch, tmp_path):
    """Runs it on workers that are there."""
    monkeypatch.setenv("CELOSIA_CACHE", str(tmp_path / "cache"))
    return lambda *arguments: celosia("explore", MODEL, "--scheduler", cluster.scheduler.address, *arguments)


def test_table(explore, tmp_path):
    outcome = explore(
        "--config", "c16/c64/c256", "--config", "lanes=16/3", "--memory", "local", "--memory", "latency=9"
    )
    assert outcome.status == 0
    lines = outcome.out.splitlines()
    for title in ("digits, memory local", "digits, memory latency=9"):
        place = lines.index(title)
        assert lines[place + 1].split() == HEADER
        table = [line.split() for line in lines[place + 2 : place + 5]]
        assert [row[1] for row in table] == ["c256", "c64", "c16"]
        assert {row[0] for row in table} == {"●"}  # each has fewer LUTs than the faster ones
        assert lines[place + 5].startswith("lanes=3: configuration lanes=3: lanes must be a divisor of columns")
    assert "Multipliers and block RAMs are exact; LUTs and flip-flops are a model's, which was off by" in outcome.out
    assert "what LFE5U-85F (ulx3s-85f) has" in outcome.out


def test_json_csv_and_picture(explore, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'celosia[plot]'")
    table, picture = tmp_path / "t.csv", tmp_path / "p.svg"
    outcome = explore(
        "--config", "c16,weight_bytes=1024/65536", "--memory", "latency=30,width=16/32", "--strategies",
        "best,output-strips", "--csv", table, "--plot", picture, "--against", "fpga", "--json",
    )  # fmt: skip
    assert outcome.status == 0
    points = outcome.json["points"]
    assert len(points) == 2 * 2 * 2
    assert (outcome.json["board"], outcome.json["fpga"], outcome.json["failed"]) == ("ulx3s-85f", "LFE5U-85F", [])
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["cycles"] for row in rows] == [str(point["cycles"]) for point in points]
    assert {row["area_from"] for row in rows} == {"model"}
    assert any(point["optimal"] for point in points)
    slow, fast = ([p["cycles"] for p in points if p["memory"] == f"latency=30,width={width}"] for width in (16, 32))
    assert sum(slow) > sum(fast)
    assert picture.read_bytes().startswith(b"<?xml")


def test_a_file_of_results_goes_on_where_it_ended(explore, celosia, tmp_path):
    path = tmp_path / "r.jsonl"
    first = explore("--config", "c16", "--memory", "local", "--output", path, "--json").json
    with open(path, "ab") as file:
        file.write(b'{"celosia": "from')  # somebody was killed
    both = explore("--config", "c16/c64", "--memory", "local", "--output", path, "--json").json
    assert [point["core"] for point in both["points"]] == ["c64", "c16"]
    assert both["points"][1]["cycles"] == first["points"][0]["cycles"]
    assert [json.loads(line)["core"] for line in path.read_text().splitlines()] == ["c16", "c64"]
    # Nothing is left to do, so no workers are asked for.
    arguments = ("--config", "c16/c64", "--memory", "local", "--output", path, "--json", "--scheduler", "10.0.0.1:1")
    assert celosia("explore", MODEL, *arguments).json == both


def test_areas_of_the_table_are_the_models(explore):
    (point,) = explore("--config", "c64", "--memory", "local", "--board", "icepi-zero", "--json").json["points"]
    from celosia.arch.config import preset

    area = AreaModel.recorded().area(preset("c64"), 28)
    assert (point["luts"], point["ffs"], point["multipliers"], point["block_rams"]) == (
        area.luts, area.ffs, area.multipliers, area.block_rams,
    )  # fmt: skip
    assert (point["scarcest"], point["share"]) == ("block_rams", round(area.block_rams / 56, 4))
    assert not point["optimal"]  # it does not fit


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--config", "rowz=4/8"], "neither a preset"),
        (["--config", "lanes=5/7"], "lanes must be a divisor of columns (16), not 5"),
        (["--config", "rows=4//8"], "an alternative is empty"),
        (["--memory", "latncy=4"], "'latncy=4' is no field with its value"),
        (["--memory", "width=24"], "width must divide the bus's 64 bits"),
        (["--strategies", "fastest"], "no strategy is called 'fastest'; choose from best, largest"),
        (["--board", "spartan"], "no board is called 'spartan'"),
        (["--board", "icebreaker"], "the area model knows ECP5 FPGAs alone, and icebreaker has none: add --synthesize"),
        (["--scheduler", "here"], "'here' is no address of a Dask scheduler"),
        (["--plot", "p.gif"], "a picture's name must end in .png, .svg, .pdf"),
        (["--output", "no/folder/r.jsonl"], "there is no folder"),
        (["--csv", "no/folder/t.csv"], "there is no folder"),
    ],
)
def test_complaints(celosia, arguments, complaint):
    assert complaint in celosia("explore", MODEL, *arguments).complaint()


def test_a_file_that_is_no_network(celosia, tmp_path):
    path = tmp_path / "n.tflite"
    path.write_bytes(b"nothing")
    assert "n.tflite" in celosia("explore", path).complaint()


def test_a_file_that_holds_something_else(celosia, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("milk\neggs\n")
    assert "line 1 is no result of an exploration" in celosia("explore", MODEL, "--output", path).complaint()
    assert path.read_text() == "milk\neggs\n"
