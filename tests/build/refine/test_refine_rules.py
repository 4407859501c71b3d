# SPDX-License-Identifier: Apache-2.0
"""What may lie together in a tile: each rule with a case on either side of it."""

import pytest

from celosia.build.refine.placement import Spot
from celosia.build.refine.rules import Tiles

from .designs import Design

X, Y = 5, 6


def allowed(design: Design) -> bool:
    return Tiles(design.placement()).valid(X, Y)


def two_registers(second: int, first: dict[str, str | None], other: dict[str, str | None], **options: str) -> bool:
    """Whether two registers may be in a tile: one in place 0, and one whose wires and options differ."""
    design = Design()
    design.register("first", (X, Y, 0), M="a", Q="b", **first)
    design.register("second", (X, Y, second), dict(options), M="b", Q="a", **other)
    return allowed(design)


def test_an_empty_tile_is_valid():
    assert allowed(Design())


@pytest.mark.parametrize("place", [1, 2, 7])
@pytest.mark.parametrize("port", ["LSR", "CLK"])
def test_registers_of_a_tile_have_one_reset_and_one_clock(place: int, port: str):
    assert two_registers(place, {port: "same"}, {port: "same"})
    assert not two_registers(place, {port: "same"}, {port: "other"})
    assert not two_registers(place, {port: "same"}, {port: None})


@pytest.mark.parametrize(
    ("option", "plain", "other"),
    [("LSRMUX", "LSR", "INV"), ("CLKMUX", "CLK", "INV"), ("SRMODE", "LSR_OVER_CE", "ASYNC")],
)
def test_registers_of_a_tile_treat_them_alike(option: str, plain: str, other: str):
    assert two_registers(5, {}, {}, **{option: plain})
    assert not two_registers(5, {}, {}, **{option: other})


def test_tiles_do_not_mind_each_other():
    design = Design()
    design.register("first", (X, Y, 0), M="a", LSR="one")
    design.register("second", (X + 1, Y, 0), M="a", LSR="two")
    design.register("third", (X, Y + 1, 0), M="a", LSR="three")
    assert allowed(design)


def test_registers_of_a_slice_have_one_enable():
    assert two_registers(1, {"CE": "same"}, {"CE": "same"})
    assert not two_registers(1, {"CE": "same"}, {"CE": "other"})
    assert not two_registers(1, {"CE": "same"}, {"CE": None})
    assert two_registers(2, {"CE": "same"}, {"CE": "other"})


@pytest.mark.parametrize(("option", "plain", "other"), [("CEMUX", "1 ", "INV"), ("GSR", "DISABLED", "ENABLED")])
def test_registers_of_a_slice_treat_it_alike(option: str, plain: str, other: str):
    assert two_registers(1, {}, {}, **{option: plain})
    assert not two_registers(1, {}, {}, **{option: other})
    assert two_registers(2, {}, {}, **{option: other})


@pytest.mark.parametrize(("place", "expected"), [(1, False), (2, True)])
def test_carries_share_a_slice_with_carries_only(place: int, expected: bool):
    design = Design()
    design.lut("carry", (X, Y, 0), "CCU2", A="a", F="f")
    design.lut("logic", (X, Y, place), A="a", F="g")
    assert allowed(design) == expected
    design.cells["logic"]["parameters"]["MODE"] = "CCU2"
    assert allowed(design)


@pytest.mark.parametrize(("place", "expected"), [(0, False), (1, True)])
def test_one_of_a_multiplexer_and_a_register_has_the_port_they_share(place: int, expected: bool):
    design = Design()
    design.lut("multiplexer", (X, Y, 0), A="a", M="select", OFX="five")
    design.register("register", (X, Y, place), M="a", Q="q")
    assert allowed(design) == expected


def test_a_register_at_the_fabric_may_be_beside_any_lut():
    design = Design()
    design.lut("lut", (X, Y, 0), A="a", M=None, F="f")
    design.register("register", (X, Y, 0), M="a", Q="q")
    assert allowed(design)


@pytest.mark.parametrize(("place", "expected"), [((X, Y, 2), True), ((X, Y, 3), False), ((X + 1, Y, 2), False)])
def test_a_register_is_in_the_place_of_its_lut(place: tuple[int, int, int], expected: bool):
    design = Design()
    design.lut("lut", place, A="a", F="f")
    design.register("register", (X, Y, 2), DI="f", Q="q")
    assert allowed(design) == expected


def test_a_register_is_beside_no_other_lut():
    design = Design()
    design.lut("lut", (X + 1, Y, 2), A="a", F="f")
    design.lut("other", (X, Y, 2), A="a", F="g")
    design.register("register", (X, Y, 2), DI="f", Q="q")
    assert not allowed(design)


@pytest.mark.parametrize(("place", "expected"), [(2, True), (3, False)])
def test_a_register_of_a_constant_is_in_the_place_of_its_lut(place: int, expected: bool):
    design = Design()
    design.lut("$PACKER_VCC", (X, Y, place), F="one")
    design.register("register", (X, Y, 2), DI="one", Q="q")
    assert allowed(design) == expected


@pytest.mark.parametrize(("place", "expected"), [(3, True), (4, False), (5, False), (6, True)])
def test_the_write_port_of_a_memory_takes_a_slice(place: int, expected: bool):
    design = Design()
    design.memory((X, Y))
    design.cells.pop(f"ram block {place}", None)
    design.lut("lut", (X, Y, place), A="a", F="f")
    assert allowed(design) == expected


def test_registers_may_be_in_the_slice_of_a_write_port():
    design = Design()
    design.memory((X, Y))
    design.register("register", (X, Y, 4), M="a", Q="q")
    assert allowed(design)


@pytest.mark.parametrize("place", [1, 7])
@pytest.mark.parametrize(("of_memory", "of_register"), [("WCKMUX", "CLKMUX"), ("WREMUX", "LSRMUX")])
def test_a_memory_and_the_registers_beside_it_agree_on_inversion(place: int, of_memory: str, of_register: str):
    for memory in (False, True):
        for register in (False, True):
            design = Design()
            design.memory((X, Y), **({of_memory: "INV"} if memory else {}))
            design.register("register", (X, Y, place), {of_register: "INV"} if register else {}, M="a", Q="q")
            assert allowed(design) == (memory == register)


@pytest.mark.parametrize(("option", "expected"), [("WCK", True), ("INV", False)])
def test_memories_of_a_tile_agree_on_inversion(option: str, expected: bool):
    design = Design()
    design.memory((X, Y))
    design.lut("second", (X, Y, 2), "DPRAM", A="a", F="f", WCK="clk", WRE="write")
    design.cells["second"]["parameters"]["WCKMUX"] = option
    assert allowed(design) == expected


def test_what_is_lifted_no_longer_counts_and_what_is_dropped_does():
    design = Design()
    design.register("first", (X, Y, 0), M="a", LSR="one")
    design.register("second", (X + 1, Y, 0), M="a", LSR="two")
    tiles = Tiles(design.placement())
    tiles.lift(1)
    assert set(tiles.at.values()) == {0}
    tiles.drop(1, Spot(X, Y, 5, "FF"))
    assert tiles.at[Spot(X, Y, 5, "FF")] == 1
    assert tiles.placement.spots[1] == Spot(X, Y, 5, "FF")
    assert not tiles.valid(X, Y)
    tiles.lift(0)
    assert tiles.valid(X, Y)
    assert tiles.known == {(X, Y), (X + 1, Y)}
