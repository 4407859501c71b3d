# SPDX-License-Identifier: Apache-2.0
"""Where cells come to rest: between those that are held."""

import pytest

from celosia.build.springs import held_at, rest


def cell(*bits: int, at: str = "") -> dict:
    return {"connections": {f"P{i}": [bit] for i, bit in enumerate(bits)}, "attributes": {"BEL": at} if at else {}}


def test_a_chain_lies_evenly_between_its_ends():
    cells = {"left": cell(1, at="X10/Y20/EBR0"), "right": cell(5, at="X50/Y60/MULT18_0")}
    cells |= {f"link_{i}": cell(i, i + 1) for i in range(1, 5)}
    found = rest(cells)
    assert found["left"] == (10, 20)
    assert found["right"] == (50, 60)
    for i in range(1, 5):
        assert found[f"link_{i}"] == pytest.approx((10 + 8 * i, 20 + 8 * i), abs=0.05)


def test_what_hangs_on_one_cell_lies_where_it_lies():
    cells = {"memory": cell(1, at="X31/Y46/EBR2"), "register": cell(1, 2), "behind": cell(2)}
    assert rest(cells)["behind"] == pytest.approx((31, 46))


def test_a_cell_is_in_the_middle_of_what_it_drives():
    """Springs: a wire of four ends pulls each to the middle, one of two is a spring of its own."""
    cells = {f"memory_{i}": cell(1, at=f"X{x}/Y10/EBR0") for i, x in enumerate((0, 30, 60))}
    cells |= {"driver": cell(1)}
    assert rest(cells)["driver"] == pytest.approx((30, 10))


def test_constants_and_unconnected_cells_have_no_place():
    cells = {"memory": cell(1, at="X31/Y46/EBR2"), "apart": cell(7, 8), "constant": {"connections": {"A": ["0", "1"]}}}
    assert set(rest(cells)) == {"memory"}


def test_without_a_floor_plan_nothing_is_known():
    assert rest({"a": cell(1), "b": cell(1)}) == {}
    assert held_at(cell(1)) is None
