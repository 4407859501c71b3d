# SPDX-License-Identifier: Apache-2.0
"""Placed designs, read from nextpnr's file and written back."""

import copy

import pytest

from celosia.build.refine.placement import Spot

from .designs import Design


@pytest.mark.parametrize(
    ("bel", "spot"),
    [
        ("X3/Y40/SLICEA.K0", Spot(3, 40, 0, "K")),
        ("X3/Y40/SLICEB.K1", Spot(3, 40, 3, "K")),
        ("X120/Y7/SLICED.FF0", Spot(120, 7, 6, "FF")),
        ("X120/Y7/SLICED.FF1", Spot(120, 7, 7, "FF")),
        ("X9/Y8/SLICEC.RAMW", Spot(9, 8, 4, "RAMW")),
    ],
)
def test_a_place_in_a_logic_tile_is_read_and_named(bel: str, spot: Spot):
    design = Design()
    design.add("cell", "TRELLIS_COMB", bel, {})
    placement = design.placement()
    assert placement.spots == [spot]
    assert (placement.x, placement.y) == ([spot.x], [spot.y])
    assert spot.bel == bel


@pytest.mark.parametrize("bel", ["X27/Y13/MULT18_5", "X4/Y0/PIOA", "X31/Y46/EBR2", "X31/Y0/TDCC0"])
def test_what_is_in_no_logic_tile_has_a_place_but_no_spot(bel: str):
    design = Design()
    design.add("cell", "MULT18X18D", bel, {})
    placement = design.placement()
    x, y = bel.split("/")[:2]
    assert (f"X{placement.x[0]}", f"Y{placement.y[0]}") == (x, y)
    assert placement.spots == [None]


def test_a_cell_without_a_place_is_nowhere():
    design = Design()
    design.add("cell", "GSR", "", {})
    del design.cells["cell"]["attributes"]["NEXTPNR_BEL"]
    placement = design.placement()
    assert (placement.x, placement.y, placement.spots) == ([-1], [-1], [None])


def test_kinds_and_modes_are_read():
    design = Design()
    design.lut("carry", (1, 1, 0), "CCU2 ")
    design.lut("plain", (1, 1, 2))
    design.register("register", (1, 1, 2))
    placement = design.placement()
    assert placement.names == ["carry", "plain", "register"]
    assert placement.kinds == ["TRELLIS_COMB", "TRELLIS_COMB", "TRELLIS_FF"]
    assert placement.modes == ["CCU2", "LOGIC", "LOGIC"]


def wired() -> Design:
    """A register, a LUT that reads it twice, and a register behind that."""
    design = Design()
    design.register("first", (1, 1, 0), M="back", Q="q")
    design.lut("between", (2, 1, 0), A="q", B="q", C=None, F="f", OFX=None)
    design.register("last", (2, 1, 0), DI="f", Q="back")
    return design


def test_wires_know_their_ends_and_cells_their_wires():
    placement, bits = wired().placement(), wired().bits
    assert placement.driver == {bits["q"]: (0, "Q"), bits["f"]: (1, "F"), bits["back"]: (2, "Q")}
    assert placement.readers == {
        bits["q"]: [(1, "A"), (1, "B")],
        bits["f"]: [(2, "DI")],
        bits["back"]: [(0, "M")],
    }
    assert placement.inputs == [
        [(bits["back"], "M")],
        [(bits["q"], "A"), (bits["q"], "B")],
        [(bits["f"], "DI")],
    ]
    assert placement.outputs == [[(bits["q"], "Q")], [(bits["f"], "F")], [(bits["back"], "Q")]]


def test_constants_are_left_out_and_known():
    design = wired()
    design.lut("$PACKER_VCC", (5, 5, 0), F="one")
    design.lut("uses", (2, 2, 0), A="one", B="q", F="used")
    placement, one = design.placement(), design.bits["one"]
    assert placement.constants == {one: design.index("$PACKER_VCC")}
    assert one not in placement.driver
    assert one not in placement.readers
    assert placement.inputs[design.index("uses")] == [(design.bits["q"], "B")]
    assert placement.wire(design.index("uses"), "A") == one


def test_nets_for_clocks_are_left_out():
    design = wired()
    design.add("buffer", "DCCA", "X31/Y0/TDCC0", {"CLKI": "q", "CLKO": "fast"})
    design.make_global("fast")
    design.lut("uses", (2, 2, 0), A="fast", B="q", F="used")
    placement, fast = design.placement(), design.bits["fast"]
    assert fast not in placement.driver
    assert fast not in placement.readers
    assert placement.inputs[design.index("uses")] == [(design.bits["q"], "B")]
    assert placement.outputs[design.index("buffer")] == []
    assert placement.wire(design.index("uses"), "A") == fast


@pytest.mark.parametrize("port", ["CLK", "CLK0", "CLKI", "WCK"])
def test_clocks_from_logic_are_left_out(port: str):
    design = wired()
    design.add("clocked", "MULT18X18D", "X9/Y9/MULT18_0", {port: "q", "A0": "q"})
    placement = design.placement()
    assert placement.inputs[design.index("clocked")] == [(design.bits["q"], "A0")]


def test_undefined_bits_are_open():
    design = wired()
    design.cells["between"]["connections"] |= {"B": ["x"], "OFX": ["x"]}
    placement, q = design.placement(), design.bits["q"]
    assert placement.inputs[1] == [(q, "A")]
    assert placement.outputs[1] == [(design.bits["f"], "F")]
    assert [placement.wire(1, port) for port in ("A", "B", "C", "OFX", "M")] == [q, None, None, None, None]
    assert placement.wires(1, "input") == [("A", q)]


def test_what_moved_is_written_back_and_nothing_else():
    design = wired()
    design.add("multiplier", "MULT18X18D", "X27/Y13/MULT18_5", {"A0": "q", "A1": None}, A1MUX="1 ")
    module = design.module()
    wanted = copy.deepcopy(module)
    wanted["cells"]["last"]["attributes"]["NEXTPNR_BEL"] = "X7/Y8/SLICEB.FF1"
    wanted["cells"]["between"]["connections"] |= {"C": ["x"], "OFX": ["x"]}
    wanted["cells"]["multiplier"]["connections"]["A1"] = ["x"]
    placement = design.placement()
    placement.move(2, Spot(7, 8, 3, "FF"))
    assert (placement.x[2], placement.y[2], placement.spots[2]) == (7, 8, Spot(7, 8, 3, "FF"))
    placement.write_back()
    assert module == wanted


def test_what_was_written_back_reads_as_before():
    design = wired()
    before = design.placement()
    before.write_back()
    after = design.placement()
    for name in ("spots", "x", "y", "inputs", "outputs", "driver", "readers", "constants"):
        assert getattr(after, name) == getattr(before, name)
