# SPDX-License-Identifier: Apache-2.0
"""Moves: where cells go, what makes room for them, and what stays."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.build.refine import refine_file
from celosia.build.refine.mover import Mover
from celosia.build.refine.placement import Placement, Spot
from celosia.build.refine.rules import Tiles
from celosia.build.refine.times import Times

from .designs import Design, drawn

PERIOD = 4000


def refined(design: Design, period: int = PERIOD) -> Placement:
    """The design after all moves that help; checked: nothing is lost, in two places, or where it may not be."""
    placement = design.placement()
    before = [spot and spot.kind for spot in placement.spots]
    mover = Mover(placement, Times(placement, period))
    mover.improve()
    assert [spot and spot.kind for spot in placement.spots] == before
    check(placement)
    return placement


def check(placement: Placement) -> None:
    tiles = Tiles(placement)
    assert len(tiles.at) == len([spot for spot in placement.spots if spot is not None])
    assert all(tiles.valid(*tile) for tile in tiles.known)


def between(design: Design, name: str, at: tuple[int, int, int], **wires: str | None) -> None:
    """A register between two block RAMs in row 10, which are 20 columns apart."""
    design.add("from", "DP16KD", "X10/Y10/EBR0", {"DOA0": "out"})
    design.add("to", "DP16KD", "X30/Y10/EBR1", {"ADA0": "in"})
    design.register(name, at, M="out", Q="in", **wires)


def test_a_register_far_off_moves_between_what_it_connects():
    design = Design()
    between(design, "register", (20, 30, 0))
    design.fill(range(5, 36), range(5, 36))
    spot = refined(design).spots[design.index("register")]
    assert spot is not None
    assert spot.y == 10
    assert 10 <= spot.x <= 30
    assert spot.kind == "FF"


def test_nothing_moves_where_there_is_time_enough():
    design = Design()
    between(design, "register", (20, 30, 0))
    design.fill(range(5, 36), range(5, 36))
    placement = design.placement()
    before = list(placement.spots)
    assert Mover(placement, Times(placement, 10_000)).improve() == 0
    assert placement.spots == before


def test_nothing_moves_to_tiles_that_nothing_is_in():
    """They may be no logic tiles."""
    design = Design()
    between(design, "register", (20, 30, 0))
    assert refined(design).spots[design.index("register")] == Spot(20, 30, 0, "FF")


def test_a_lut_and_its_register_move_together():
    design = Design()
    design.add("from", "DP16KD", "X10/Y10/EBR0", {"DOA0": "out"})
    design.add("to", "DP16KD", "X30/Y10/EBR1", {"ADA0": "in"})
    design.lut("lut", (20, 30, 3), A="out", F="f")
    design.register("register", (20, 30, 3), DI="f", Q="in")
    design.fill(range(5, 36), range(5, 36))
    lut, register = (refined(design).spots[design.index(name)] for name in ("lut", "register"))
    assert lut is not None
    assert lut.y == 10
    assert register == lut._replace(kind="FF")


def test_cells_that_hold_each_other_move_together():
    """Either alone would be farther from the other by what it comes nearer to the block RAM, and near tiles count
    twice."""
    design = Design()
    design.fill(range(5, 46), range(25, 36))
    design.cells.pop("filler 40 30")
    design.add("from", "DP16KD", "X10/Y30/EBR0", {"DOA0": "out"})
    design.lut("lut", (40, 30, 2), A="out", B="q", F="e")
    design.register("register", (40, 30, 3), CE="e", M="q", Q="q")
    lut, register = (refined(design, 3000).spots[design.index(name)] for name in ("lut", "register"))
    assert lut is not None
    assert register is not None
    assert lut.x < 20
    assert lut[:2] == register[:2]


def test_a_carry_chain_moves_as_a_whole():
    design = Design()
    design.fill(range(5, 36), range(5, 36))
    design.cells.pop("filler 20 30")
    design.add("from", "DP16KD", "X10/Y10/EBR0", {f"DOA{i}": f"out{i}" for i in range(10)})
    for i in range(10):
        place = (20 + i // 8, 30, i % 8)
        carry = {"FCI": f"c{i}" if i else None, "FCO": f"c{i + 1}" if i < 9 else None}
        design.lut(f"bit{i}", place, "CCU2", A=f"out{i}", F=f"s{i}", **carry)
        design.register(f"sum{i}", place, DI=f"s{i}", Q=f"q{i}")
    spots = refined(design).spots
    first = spots[design.index("bit0")]
    assert first is not None
    assert (first.y, first.z) == (10, 0)
    for i in range(10):
        place = Spot(first.x + i // 8, first.y, i % 8, "K")
        assert spots[design.index(f"bit{i}")] == place
        assert spots[design.index(f"sum{i}")] == place._replace(kind="FF")


def full_tile(design: Design, x: int, y: int, reset: str | None = None) -> list[int]:
    """Registers in all places of a tile, that have time: each reads itself."""
    names = [f"idle{z}" for z in range(8)]
    for z, name in enumerate(names):
        design.register(name, (x, y, z), M=f"{name} q", LSR=reset, Q=f"{name} q")
    return [design.index(name) for name in names]


def test_where_no_place_is_free_cells_change_places():
    design = Design()
    between(design, "register", (20, 30, 5))
    idle = full_tile(design, 20, 10)
    spots = refined(design).spots
    here, there = (
        {index for index, spot in enumerate(spots) if spot is not None and spot[:2] == tile}
        for tile in ((20, 10), (20, 30))
    )
    assert design.index("register") in here
    assert len(here) == 8
    assert len(there) == 1
    assert here | there == {design.index("register"), *idle}


def test_cells_that_are_needed_where_they_are_do_not_change_places():
    """All eight are as urgent, between the same block RAMs."""
    design = Design()
    between(design, "register", (20, 30, 5))
    for z in range(8):
        design.add(f"from{z}", "DP16KD", "X10/Y10/EBR0", {"DOA0": f"out{z}"})
        design.add(f"to{z}", "DP16KD", "X30/Y10/EBR1", {"ADA0": f"in{z}"})
        design.register(f"urgent{z}", (20, 10, z), M=f"out{z}", Q=f"in{z}")
    spots = refined(design).spots
    assert spots[design.index("register")] == Spot(20, 30, 5, "FF")
    assert [spots[design.index(f"urgent{z}")] for z in range(8)] == [Spot(20, 10, z, "FF") for z in range(8)]


def crowded(neighbour: bool) -> Design:
    """A register whose best tile has two with another reset, which have time for one tile more but no more, and there
    a neighbouring tile or none."""
    design = Design()
    between(design, "register", (20, 30, 0), LSR="mine")
    for z in (2, 5):
        design.add(f"near{z}", "DP16KD", "X20/Y10/EBR2", {"ADA0": f"q{z}", "DOA0": f"p{z}"})
        design.register(f"other{z}", (20, 10, z), M=f"p{z}", LSR="theirs", Q=f"q{z}")
    if neighbour:
        design.fill(range(20, 21), range(9, 10))
    return design


def test_registers_with_another_reset_make_room():
    design = crowded(neighbour=True)
    spots = refined(design).spots
    others = [spots[design.index(f"other{z}")] for z in (2, 5)]
    register = spots[design.index("register")]
    assert register is not None
    assert register[:2] in {(20, 10), (20, 9)}
    assert {spot and spot[:2] for spot in others} == {(20, 9), (20, 10)} - {register[:2]}


def test_where_there_is_no_room_registers_with_another_reset_stay():
    design = crowded(neighbour=False)
    spots = refined(design).spots
    assert spots[design.index("register")] == Spot(20, 30, 0, "FF")
    assert [spots[design.index(f"other{z}")] for z in (2, 5)] == [Spot(20, 10, z, "FF") for z in (2, 5)]


def test_registers_that_have_made_room_in_vain_are_back():
    """The first of the two finds a place in the tile beside, the last there; the second finds none."""
    design = crowded(neighbour=False)
    for z in range(7):
        design.register(f"idle{z}", (20, 9, z), M=f"idle{z} q", LSR="theirs", Q=f"idle{z} q")
    assert refined(design).spots == design.placement().spots


def test_registers_that_would_lose_more_stay():
    """They read and write a block RAM 40 columns away, and a tile beside would be further still."""
    design = crowded(neighbour=True)
    for z in (2, 5):
        design.cells[f"near{z}"]["attributes"]["NEXTPNR_BEL"] = "X60/Y10/EBR2"
    assert refined(design).spots == design.placement().spots


@pytest.mark.parametrize("resets", [(None, None), ("one", "other")])
@pytest.mark.parametrize("distance", [3, 8, 20])
def test_two_that_read_each_other_come_together(distance: int, resets: tuple[str | None, str | None]):
    """To change places, or to go where the other has made room by coming, does not help."""
    design = Design()
    for i, reset in enumerate(resets):
        design.register(f"register{i}", (10 + i * distance, 10, 0), M=f"q{1 - i}", LSR=reset, Q=f"q{i}")
    design.fill(range(5, 36), range(5, 16))
    placement = refined(design, 1500)
    assert Times(placement, 1500).slowest() <= 525 + 830


@pytest.mark.parametrize("seed", range(20))
def test_the_slowest_path_gets_no_slower(seed: int):
    design = drawn(random.Random(seed), 14, 30)
    placement = design.placement()
    before = Times(placement, PERIOD).slowest()
    times = Times(placement, round(0.9 * before))
    moves = Mover(placement, times).improve()
    assert moves > 0
    assert times.slowest() < before
    assert times.slowest() == Times(placement, PERIOD).slowest()


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(2, 14), st.integers(0, 30), st.integers(3, 12), st.integers(1000, 6000))
def test_tiles_stay_valid_and_times_true(seed: int, registers: int, luts: int, size: int, period: int):
    placement = drawn(random.Random(seed), registers, luts, size).placement()
    times = Times(placement, period)
    mover = Mover(placement, times)
    mover.improve()
    check(placement)
    assert mover.tiles.at == {spot: index for index, spot in enumerate(placement.spots)}
    fresh = Times(placement, period)
    assert (times.arrival, times.required) == (fresh.arrival, fresh.required)


def test_the_same_design_is_made_twice():
    results = [refined(drawn(random.Random(3), 14, 30), 2000).spots for _ in range(2)]
    assert results[0] == results[1]
    assert results[0] != drawn(random.Random(3), 14, 30).placement().spots


def test_a_file_is_refined_and_says_for_which_clock(tmp_path: Path):
    design = Design()
    between(design, "register", (20, 30, 0), CE=None)
    design.fill(range(5, 36), range(5, 36))
    path = tmp_path / "placed.json"
    path.write_text(json.dumps({"creator": "by hand", "modules": {"top": design.module()}}))
    result = refine_file(path, 250e6)
    made = json.loads(path.read_text())
    module = made["modules"]["top"]
    assert made["creator"] == "by hand"
    assert module["settings"]["target_freq"] == "250000000.000000"
    assert "/Y10/SLICE" in module["cells"]["register"]["attributes"]["NEXTPNR_BEL"]
    assert module["cells"]["register"]["connections"]["CE"] == ["x"]
    assert result.moves >= 1
    assert result.before == 1000 + 710 + 60 * 15 + 60 * 25
    assert result.after == Times(Placement(module), PERIOD).slowest() <= 0.87 * PERIOD
