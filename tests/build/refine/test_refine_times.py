# SPDX-License-Identifier: Apache-2.0
"""Estimated times, against those worked out by hand, and after moves against those of a fresh start."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celosia.build.refine.placement import Spot
from celosia.build.refine.times import NEVER, WIRE, Times

from .designs import Design, drawn

PERIOD = 5000


def times(design: Design) -> Times:
    return Times(design.placement(), PERIOD)


def test_a_wire_takes_longer_over_columns_and_rows():
    """710 to get in; 60 a tile, twice that for the first five."""
    assert WIRE[0, 0] == 710
    assert WIRE[1, 0] == WIRE[0, 1] == 830
    assert WIRE[5, 0] == 1310
    assert WIRE[6, 0] == 1370
    assert WIRE[10, 2] == WIRE[2, 10] == 1850


def test_from_register_to_register():
    """525 from the clock, and a wire over three columns."""
    design = Design()
    design.register("first", (10, 10, 0), Q="q")
    design.register("last", (13, 10, 0), M="q", Q="end")
    found, q = times(design), design.bits["q"]
    assert found.arrival[q] == 525
    assert found.required[q] == 5000 - 1070
    assert found.slack(q, 1, "M") == 5000 - 525 - 1070
    assert found.slowest() == 525 + 1070
    assert found.required[design.bits["end"]] == NEVER


@pytest.mark.parametrize("port", ["DI", "M"])
def test_through_a_lut_to_a_register(port: str):
    """In its own place a register has the LUT's output at once; by its other input, over a wire."""
    design = Design()
    design.register("first", (10, 10, 0), Q="q")
    design.lut("lut", (12, 11, 0), A="q", F="f")
    design.register("last", (12, 11, 0), **{port: "f"}, Q="end")
    found, q, f = times(design), design.bits["q"], design.bits["f"]
    back = 0 if port == "DI" else 710
    assert found.arrival[f] == 525 + 1070 + 240
    assert found.required[f] == 5000 - back
    assert found.required[q] == 5000 - back - 240 - 1070
    assert found.limit(1, "A") == 5000 - back - 240
    assert found.slowest() == 525 + 1070 + 240 + back
    assert found.slack(q, 1, "A") == found.slack(f, 2, port) == 5000 - found.slowest()


def test_the_latest_input_and_the_most_urgent_reader_count():
    design = Design()
    design.register("near", (10, 10, 0), Q="a")
    design.register("far", (10, 20, 0), Q="b")
    design.lut("lut", (10, 10, 1), A="a", B="b", F="f")
    design.register("reader", (10, 10, 2), M="f")
    design.register("distant", (16, 10, 2), M="f")
    found, bits = times(design), design.bits
    assert found.arrival[bits["f"]] == 525 + 1610 + 240
    assert found.required[bits["f"]] == 5000 - 1370
    assert found.slack(bits["a"], 2, "A") == 5000 - 1370 - 240 - 710 - 525
    assert found.slack(bits["f"], 3, "M") == 5000 - 710 - (525 + 1610 + 240)


def test_along_a_carry_chain():
    """450 into the chain and out of it, 35 a bit along it, none for wires between the bits."""
    design = Design()
    design.register("first", (10, 10, 0), Q="q")
    design.lut("bit0", (10, 10, 6), "CCU2", A="q", F="s0", FCO="c1")
    design.lut("bit1", (10, 10, 7), "CCU2", FCI="c1", F="s1", FCO="c2")
    design.lut("bit2", (11, 10, 0), "CCU2", FCI="c2", B="q", F="s2")
    design.register("last", (11, 10, 0), DI="s2")
    found, bits = times(design), design.bits
    assert found.arrival[bits["c1"]] == 525 + 710 + 450
    assert found.arrival[bits["s1"]] == found.arrival[bits["c1"]] + 450
    assert found.arrival[bits["c2"]] == found.arrival[bits["c1"]] + 35
    assert found.arrival[bits["s2"]] == 525 + 710 + 450 + 35 + 450
    assert found.required[bits["c2"]] == 5000 - 450
    assert found.required[bits["c1"]] == 5000 - 450 - 35
    assert found.required[bits["s1"]] == NEVER
    assert found.limit(3, "B") == 5000 - 450
    assert found.slowest() == 525 + 710 + 450 + 35 + 450


def test_through_a_multiplexer_of_luts():
    """180 for it, and none for the wire that comes from the LUT beside; what selects comes over the fabric."""
    design = Design()
    design.register("first", (10, 10, 7), Q="q")
    design.lut("low", (10, 10, 0), A="q", F1="f1", M="q", F="f0", OFX="five")
    design.lut("high", (10, 10, 1), A="q", F="f1")
    design.register("last", (10, 10, 0), DI="five")
    found, bits = times(design), design.bits
    lut = 525 + 710 + 240
    assert found.arrival[bits["f0"]] == found.arrival[bits["f1"]] == lut
    assert found.arrival[bits["five"]] == lut + 180
    assert found.limit(1, "F1") == found.limit(1, "M") == 5000 - 180
    assert found.limit(1, "A") == found.limit(2, "A") == 5000 - 180 - 240
    assert found.slowest() == lut + 180


@pytest.mark.parametrize("order", [("low", "high", "third"), ("high", "low", "third"), ("third", "high", "low")])
def test_through_a_multiplexer_of_multiplexers(order: tuple[str, str, str]):
    """It is in the cell of a LUT that one of them takes: from cell to cell there is a loop, from wire to wire none."""
    made = Design()
    made.lut("low", (10, 10, 0), A="q", F1="f1", M="q", OFX="five")
    made.lut("high", (10, 10, 1), A="q", F="f1", FXA="five", FXB="other", M="q", OFX="six")
    made.lut("third", (10, 10, 2), A="q", M="q", OFX="other")
    made.register("last", (10, 10, 1), DI="six")
    made.register("first", (10, 10, 7), Q="q")
    cells = made.cells.copy()
    made.cells = {name: cells[name] for name in (*order, "last", "first")}
    found, bits = times(made), made.bits
    lut = 525 + 710 + 240
    assert found.arrival[bits["five"]] == found.arrival[bits["other"]] == lut + 180
    assert found.arrival[bits["six"]] == lut + 180 + 180
    assert found.required[bits["five"]] == found.required[bits["other"]] == 5000 - 180
    assert found.required[bits["f1"]] == 5000 - 180 - 180
    assert found.slowest() == lut + 180 + 180


def test_what_selects_can_be_the_latest():
    design = Design()
    design.register("near", (10, 10, 7), Q="a")
    design.register("far", (10, 30, 7), Q="select")
    design.lut("low", (10, 10, 0), A="a", M="select", OFX="five")
    found = times(design)
    assert found.arrival[design.bits["five"]] == 525 + 710 + 60 * 25 + 180


def test_reading_a_distributed_memory():
    """1100 from the clock that wrote what is read, 240 from the address."""
    design = Design()
    design.memory((10, 10))
    design.register("near", (10, 10, 6), M="stored", Q="read")
    assert times(design).arrival[design.bits["stored"]] == 525 + 710 + 240
    assert times(design).slowest() == 525 + 710 + 240 + 710
    del design.cells["near"]["connections"]["Q"]
    assert times(design).arrival[design.bits["stored"]] == 1100


def test_writing_a_distributed_memory_ends_paths():
    """Data and address of a write must be there at the clock; behind the write port no time counts."""
    design = Design()
    design.memory((10, 10))
    design.register("data", (12, 10, 6), Q="data")
    found, bits = times(design), design.bits
    ram, ramw = design.index("ram"), design.index("ram write")
    assert found.limit(ramw, "A0") == 5000
    assert found.required[bits["data"]] == 5000 - 950
    assert found.slack(bits["data"], ramw, "A0") == 5000 - 950 - 525
    assert found.wire(bits["written"], ram, "WD") == found.wire(bits["address"], ram, "WAD0") == 0
    assert found.limit(ram, "WD") == found.limit(ram, "WAD0") == NEVER
    assert found.arrival[bits["stored"]] == 1100


@pytest.mark.parametrize(("kind", "start", "out"), [("MULT18X18D", 1500, "P0"), ("DP16KD", 1000, "DOA0")])
def test_hard_blocks_begin_and_end_paths(kind: str, start: int, out: str):
    design = Design()
    design.add("first", kind, "X4/Y10/BLOCK", {out: "a"})
    design.add("last", kind, "X4/Y13/BLOCK", {"A0": "a"})
    found, a = times(design), design.bits["a"]
    assert found.arrival[a] == start
    assert found.limit(1, "A0") == 4800
    assert found.required[a] == 4800 - 1070
    assert found.slowest() == start + 1070 + 200


def test_pins_have_no_clock():
    design = Design()
    design.register("first", (10, 10, 0), M="in", Q="q")
    design.add("pin", "TRELLIS_IO", "X4/Y0/PIOA", {"I": "q", "O": "in"})
    found, bits = times(design), design.bits
    assert found.limit(1, "I") == NEVER
    assert found.arrival[bits["in"]] == -NEVER
    assert found.slowest() == 0


@pytest.mark.parametrize("port", ["CE", "LSR"])
def test_enables_and_resets_end_paths(port: str):
    design = Design()
    design.register("first", (10, 10, 0), Q="q")
    design.register("last", (10, 10, 7), **{port: "q"})
    assert times(design).slack(design.bits["q"], 1, port) == 5000 - 525 - 710


def test_nothing_takes_no_time():
    assert times(Design()).slowest() == 0


def test_loops_of_logic_end():
    design = Design()
    design.lut("one", (10, 10, 0), A="b", F="a")
    design.lut("two", (10, 10, 1), A="a", F="b")
    found = times(design)
    found.placement.move(0, Spot(20, 20, 0, "K"))
    found.update((0,))
    assert set(found.arrival) == {design.bits["a"], design.bits["b"]}


@given(st.integers(0, 2**32), st.integers(2, 12), st.integers(0, 30), st.integers(1, 8), st.integers(1, 4))
def test_after_moves_all_is_as_if_worked_out_anew(seed: int, registers: int, luts: int, moves: int, together: int):
    """Any cells, moved anywhere, several at once."""
    rng = random.Random(seed)
    placement = drawn(rng, registers, luts).placement()
    moved = Times(placement, PERIOD)
    for _ in range(moves):
        cells = rng.sample(range(registers + luts), min(together, registers + luts))
        for index in cells:
            spot = placement.spots[index]
            assert spot is not None
            placement.move(index, Spot(rng.randrange(40), rng.randrange(40), rng.randrange(8), spot.kind))
        moved.update(tuple(cells))
        fresh = Times(placement, PERIOD)
        assert moved.arrival == fresh.arrival
        assert moved.required == fresh.required
        assert moved.slowest() == fresh.slowest()
