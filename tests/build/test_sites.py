# SPDX-License-Identifier: Apache-2.0
"""The floor plan of a core that fills its FPGA."""

import json
from collections import Counter

import pytest

from celosia.boards import BOARDS
from celosia.boards.parts import LFE5U_25F, LFE5U_85F
from celosia.build.sites import FLOORS, dsp_block, place_file, place_hard_blocks

CORE = "soc.core.compute.datapath"
MEMORY = "soc.core.compute"


def cells_of(multipliers, rams):
    kinds = dict.fromkeys(multipliers, "MULT18X18D") | dict.fromkeys(rams, "DP16KD") | {"lut": "LUT4"}
    return {name: {"type": kind, "attributes": {"hdlname": name}} for name, kind in kinds.items()}


def core(array, lanes, **rams):
    """A core's multipliers, by rows in each pair and for its lanes, its block RAMs by what they are of, and a LUT."""
    multipliers = [f"{CORE}.array.column_{p}.multiplier_{r}.cell" for p, rows in enumerate(array) for r in range(rows)]
    multipliers += [f"{CORE}.lanes.lane_{i}.{part}.cell" for i in range(lanes) for part in ("low", "middle", "high")]
    places = [f"{RAMS[name]}.block_{bank}_{k}.cell" for name, banks in rams.items() for bank, k in banks_of(banks)]
    return cells_of(multipliers, places)


def banks_of(sizes):
    return [(bank, k) for bank, size in enumerate(sizes) for k in range(size)]


RAMS = {
    "weights": f"{MEMORY}.weight_memory.ram",
    "even": f"{MEMORY}.activation_memory.even",
    "odd": f"{MEMORY}.activation_memory.odd",
    "accumulators": f"{CORE}.accumulators.memory",
    "parameters": f"{MEMORY}.parameter_memory.ram",
    "feeder": f"{CORE}.feeder.down.line",
    "program": "soc.core.control.program.ram",
    "link": "soc.link.buffer.ram",
}


def c256():
    """The multipliers and block RAMs of the c256 core on an LFE5U-85F."""
    rams = {"weights": (128, 8), "even": (16,), "odd": (16,), "accumulators": (15,), "parameters": (14,)}
    return core([16] * 6 + [12], 16, **rams, feeder=(4,), program=(4,), link=(1,))


def c64():
    """The same of a c64 core on an LFE5U-25F: four rows of the array have multipliers."""
    rams = {"weights": (28,), "even": (4,), "odd": (4,), "accumulators": (8,), "parameters": (5,)}
    return core([4], 8, **rams, feeder=(2,), program=(2,), link=(1,))


CORES = {"LFE5U-85F": c256, "LFE5U-25F": c64}


def place(cells, rows=2, part="LFE5U-85F"):
    count = place_hard_blocks(cells, FLOORS[part], rows)
    sites = {name: cell["attributes"]["BEL"] for name, cell in cells.items() if "BEL" in cell["attributes"]}
    assert len(sites) == count
    return sites


def x(site):
    return int(site[1 : site.index("/")])


def y(site):
    return int(site.split("/")[1][1:])


@pytest.fixture(scope="module")
def sites():
    return place(c256())


@pytest.mark.parametrize("part", FLOORS)
def test_everything_has_a_site_of_its_own_kind(part):
    core = CORES[part]()
    sites = place(core, part=part)
    assert set(sites) == set(core) - {"lut"}
    assert max(Counter(sites.values()).values()) == 1
    for name, site in sites.items():
        assert site.rpartition("/")[2].startswith("EBR" if core[name]["type"] == "DP16KD" else "MULT18_")


@pytest.mark.parametrize("part", [LFE5U_25F, LFE5U_85F], ids=lambda part: part.name)
def test_an_fpga_has_as_many_sites_as_its_data_sheet_counts(part):
    floor = FLOORS[part.name]
    assert len({*floor.array, floor.lanes}) * len(floor.blocks) * 4 == part.multipliers
    assert len(floor.rams) * len(floor.blocks) * 4 == part.block_rams
    assert {floor.sums, floor.parameters, floor.programs} <= set(floor.rams)


def test_every_ecp5_board_has_a_floor_plan():
    assert {board.part.name for board in BOARDS.values() if board.part.family.value == "ecp5"} == set(FLOORS)


def test_lanes_follow_the_rows_of_an_array_that_few_multipliers_are_left_for():
    sites = place(c64(), part="LFE5U-25F")
    assert {dsp_block(sites[f"{CORE}.array.column_0.multiplier_{r}.cell"]) for r in range(4)} == {4}
    lanes = [x(sites[f"{CORE}.lanes.lane_{lane}.low.cell"]) for lane in range(8)]
    assert lanes == sorted(lanes)
    assert lanes[0] == 13


def test_weights_have_a_row_of_their_own_but_for_programs():
    sites = place(c64(), part="LFE5U-25F")
    below = [site for name, site in sites.items() if "weight_memory" in name and y(site) == 37]
    assert len(below) == 28 - 3 - 2  # two are left free


def test_four_multipliers_are_a_block():
    assert [dsp_block(f"X{42 + dx}/Y13/MULT18_{dx}") for dx in (0, 1, 4, 5)] == [42] * 4
    assert dsp_block("X42/Y25/EBR0") is None
    assert dsp_block("") is None


def test_a_pair_of_columns_is_folded_and_pairs_follow_each_other(sites):
    pairs = [[sites[f"{CORE}.array.column_{p}.multiplier_{r}.cell"] for r in range(16)] for p in range(6)]
    for pair in pairs:
        assert [y(site) for site in pair] == [58] * 8 + [34] * 8
        assert [x(site) for site in pair[:8]] == [x(site) for site in pair[:7:-1]]
    lefts = [x(pair[0]) for pair in pairs]
    assert lefts == sorted(lefts)


def test_a_dsp_block_has_four_rows_of_one_pair(sites):
    """They share four enables, and a pair has some of its own."""
    blocks = {}
    for name, site in sites.items():
        if ".array." in name:
            blocks.setdefault((x(site) - int(site[-1]), y(site)), set()).add(name.split(".")[-3])
    assert all(len(pairs) == 1 for pairs in blocks.values())


def test_weights_lie_below_their_pair(sites):
    """Block k of 128 has two bits of byte k // 4 of a word: of column k // 4, or of the second row's k // 4 − 16."""
    centre = {p: [] for p in range(8)}
    for k in range(128):
        centre[k // 4 % 16 // 2].append(x(sites[f"{MEMORY}.weight_memory.ram.block_0_{k}.cell"]))
    for p, columns in centre.items():
        assert abs(sum(columns) / len(columns) - (4 + 116 * (p + 0.5) / 8)) < 10


def test_a_word_of_one_row_is_laid_once():
    sites = place(c256(), rows=1)
    columns = [x(sites[f"{MEMORY}.weight_memory.ram.block_0_{k}.cell"]) for k in range(128)]
    assert columns == sorted(columns)


@pytest.mark.parametrize("change", ["small", "large"])
def test_another_core_is_left_alone(change):
    cells = c256()
    if change == "small":
        cells = {name: cell for name, cell in cells.items() if ".array." not in name}
    else:
        cells |= {f"more_{n}": {"type": "DP16KD", "attributes": {}} for n in range(3)}
    assert place(cells) == {}


def test_a_file_is_changed_in_place(tmp_path):
    path = tmp_path / "top.json"
    path.write_text(json.dumps({"modules": {"top": {"cells": c256()}}}))
    assert place_file(path, FLOORS["LFE5U-85F"], 2) == 362
    assert '"BEL": "X4/Y58/MULT18_0"' in path.read_text()
