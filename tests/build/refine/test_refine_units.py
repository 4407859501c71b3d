# SPDX-License-Identifier: Apache-2.0
"""Units: which cells move together, and by how many positions."""

import pytest

from celosia.build.refine.units import Unit, make_units

from .designs import Design


def units(design: Design) -> dict[frozenset[str], int]:
    """Names of the cells of every unit, and its step."""
    names = list(design.cells)
    return {
        frozenset(names[index] for index in unit.cells): unit.step
        for unit in sorted(make_units(design.placement()), key=lambda unit: unit.cells)
    }


def test_a_lut_takes_its_register_along():
    design = Design()
    design.lut("lut", (2, 2, 3), A="q", F="f")
    design.register("register", (2, 2, 3), DI="f", Q="q")
    assert units(design) == {frozenset({"lut", "register"}): 1}


def test_a_register_that_is_reached_through_the_fabric_moves_alone():
    design = Design()
    design.lut("lut", (2, 2, 3), A="q", F="f")
    design.register("register", (2, 2, 3), M="f", Q="q")
    assert units(design) == {frozenset({"lut"}): 1, frozenset({"register"}): 1}


def pair(first: int = 0) -> Design:
    """Two LUTs and the multiplexer between them."""
    design = Design()
    design.lut("low", (2, 2, first), A="a", F1="f1", M="select", OFX="five")
    design.lut("high", (2, 2, first + 1), A="a", F="f1")
    return design


@pytest.mark.parametrize("first", [0, 2, 4, 6])
def test_two_luts_with_a_multiplexer_move_by_slices(first: int):
    assert units(pair(first)) == {frozenset({"low", "high"}): 2}


def test_the_register_behind_a_multiplexer_goes_with_both_luts():
    design = pair()
    design.register("register", (2, 2, 0), DI="five", Q="a")
    assert units(design) == {frozenset({"low", "high", "register"}): 2}


def test_four_luts_with_multiplexers_move_by_halves_of_a_tile():
    design = pair(0)
    design.lut("third", (2, 2, 2), A="a", F1="f3", M="select", OFX="other")
    design.lut("fourth", (2, 2, 3), A="a", F="f3")
    design.cells.pop("high")
    design.lut("high", (2, 2, 1), A="a", F="f1", FXA="five", FXB="other", M="top", OFX="six")
    assert units(design) == {frozenset({"low", "high", "third", "fourth"}): 4}


def chain(columns: int) -> Design:
    """A carry chain over whole tiles, with a register behind its last sum."""
    design = Design()
    for i in range(8 * columns):
        carry = {"FCI": f"c{i}" if i else None, "FCO": f"c{i + 1}" if i < 8 * columns - 1 else None}
        design.lut(f"bit{i}", (4 + i // 8, 9, i % 8), "CCU2", A="q", F=f"s{i}", **carry)
    last = 8 * columns - 1
    design.register("top", (4 + last // 8, 9, 7), DI=f"s{last}", Q="q")
    return design


def test_a_carry_chain_over_two_tiles_is_one_unit_and_keeps_its_positions():
    design = chain(2)
    assert units(design) == {frozenset(design.cells): 8}


def test_a_short_carry_chain_keeps_its_positions_too():
    design = Design()
    design.lut("low", (4, 9, 0), "CCU2", A="q", FCO="c", F="s")
    design.lut("high", (4, 9, 1), "CCU2", FCI="c", F="t")
    assert units(design) == {frozenset({"low", "high"}): 8}


def test_the_half_of_a_slice_that_has_no_carry_belongs_to_the_chain():
    design = Design()
    design.lut("low", (4, 9, 2), "CCU2", A="q", F="s")
    design.lut("unused", (4, 9, 3), "CCU2")
    design.lut("neighbour", (4, 9, 4), "CCU2", A="q", F="t")
    assert units(design) == {frozenset({"low", "unused"}): 8, frozenset({"neighbour"}): 8}


def test_a_distributed_memory_stays():
    design = Design()
    design.memory((2, 2))
    assert units(design) == {}


def test_the_register_in_a_distributed_memory_stays_with_it():
    design = Design()
    design.memory((2, 2))
    design.register("latched", (2, 2, 0), DI="stored", Q="read")
    design.register("elsewhere", (2, 2, 1), M="stored", Q="data")
    assert units(design) == {frozenset({"elsewhere"}): 1}


def test_a_register_of_a_constant_stays_and_so_does_the_constant():
    design = Design()
    design.lut("$PACKER_GND", (2, 2, 0), F="zero")
    design.register("tied", (2, 2, 0), DI="zero", Q="q")
    design.register("free", (2, 2, 1), M="zero", CE="q")
    assert units(design) == {frozenset({"free"}): 1}


def test_what_is_tied_to_a_cell_outside_the_logic_tiles_stays():
    design = Design()
    design.add("odd", "ODD", "X9/Y9/ODD", {"FCO": "c"})
    design.lut("low", (4, 9, 0), "CCU2", FCI="c", F="s")
    design.lut("other", (5, 9, 0), A="s", F="t")
    assert units(design) == {frozenset({"other"}): 1}


def test_hard_blocks_are_no_units():
    design = Design()
    design.add("multiplier", "MULT18X18D", "X27/Y13/MULT18_5", {"A0": "q", "P0": "p"})
    design.register("register", (2, 2, 1), M="p", Q="q")
    assert units(design) == {frozenset({"register"}): 1}


@pytest.mark.parametrize(
    ("step", "first", "shifts"),
    [
        (1, 0, [0, 1, 2, 3, 4, 5, 6, 7]),
        (1, 5, [-5, -4, -3, -2, -1, 0, 1, 2]),
        (2, 4, [-4, -2, 0, 2]),
        (2, 5, [-4, -2, 0, 2]),
        (4, 4, [-4, 0]),
        (4, 1, [0, 4]),
        (8, 0, [0]),
        (8, 3, [0]),
    ],
)
def test_units_shift_within_the_tile(step: int, first: int, shifts: list[int]):
    assert Unit((0,), step).shifts([first]) == shifts


def test_units_shift_as_far_as_all_of_them_is_in_the_tile():
    assert Unit((0, 1), 2).shifts([1, 4]) == [0, 2]
    assert Unit((0, 1), 2).shifts([2, 5]) == [-2, 0, 2]
