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


def c256():
    """The multipliers and block RAMs of the c256 core on an LFE5U-85F, and a LUT."""
    multipliers = [f"{CORE}.array.column_{p}.multiplier_{r}.cell" for p in range(7) for r in range(16 if p < 6 else 12)]
    multipliers += [f"{CORE}.lanes.lane_{lane}.{part}.cell" for lane in range(16) for part in ("low", "middle", "high")]
    rams = [f"{MEMORY}.weight_memory.ram.block_0_{k}.cell" for k in range(128)]
    rams += [f"{MEMORY}.weight_memory.ram.block_1_{k}.cell" for k in range(8)]
    rams += [f"{MEMORY}.activation_memory.{side}.block_0_{k}.cell" for side in ("even", "odd") for k in range(16)]
    rams += [f"{CORE}.accumulators.memory.block_0_{k}.cell" for k in range(15)]
    rams += [f"{MEMORY}.parameter_memory.ram.block_0_{k}.cell" for k in range(14)]
    rams += [f"{CORE}.feeder.down.line.block_0_{k}.cell" for k in range(4)]
    rams += [f"soc.core.control.program.ram.block_0_{k}.cell" for k in range(4)] + [
        "soc.link.buffer.ram.block_0_0.cell"
    ]
    return cells_of(multipliers, rams)


def c64():
    """The same of a c64 core on an LFE5U-25F: four rows of the array have multipliers."""
    multipliers = [f"{CORE}.array.column_0.multiplier_{r}.cell" for r in range(4)]
    multipliers += [f"{CORE}.lanes.lane_{lane}.{part}.cell" for lane in range(8) for part in ("low", "middle", "high")]
    rams = [f"{MEMORY}.weight_memory.ram.block_0_{k}.cell" for k in range(28)]
    rams += [f"{MEMORY}.activation_memory.{side}.block_0_{k}.cell" for side in ("even", "odd") for k in range(4)]
    rams += [f"{CORE}.accumulators.memory.block_0_{k}.cell" for k in range(8)]
    rams += [f"{MEMORY}.parameter_memory.ram.block_0_{k}.cell" for k in range(5)]
    rams += [f"{CORE}.feeder.down.line.block_0_{k}.cell" for k in range(2)]
    rams += [f"soc.core.control.program.ram.block_0_{k}.cell" for k in range(2)] + [
        "soc.link.buffer.ram.block_0_0.cell"
    ]
    return cells_of(multipliers, rams)


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
