# SPDX-License-Identifier: Apache-2.0
"""Replicated drivers: every input still gets the same value, from a neighbour."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from celosia.build.replicate import replicate, replicate_file

CLOCK, DATA, OUT = 2, 3, 4


def register(data: int, out: int, enable: int | str = "1") -> dict:
    return {
        "type": "TRELLIS_FF",
        "parameters": {"GSR": "DISABLED"},
        "port_directions": {"CLK": "input", "DI": "input", "CE": "input", "Q": "output"},
        "connections": {"CLK": [CLOCK], "DI": [data], "CE": [enable], "Q": [out]},
    }


def lut(inputs: list[int], out: int, kind: str = "LUT4", first: str = "A") -> dict:
    ports = dict(zip([first, "B", "C", "D"], inputs, strict=False))
    return {
        "type": kind,
        "parameters": {},
        "port_directions": {**dict.fromkeys(ports, "input"), "Z": "output"},
        "connections": {**{port: [bit] for port, bit in ports.items()}, "Z": [out]},
    }


def design(cells: dict[str, dict], *, outputs: tuple[int, ...] = ()) -> dict:
    ports = {"clk": {"bits": [CLOCK]}, "data": {"bits": [DATA]}, "out": {"bits": list(outputs)}}
    return {"modules": {"top": {"ports": ports, "cells": cells, "netnames": {}}}}


def drivers(made: dict) -> dict[int, str]:
    cells = made["modules"]["top"]["cells"]
    return {
        bit: name
        for name, cell in cells.items()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] == "output"
        for bit in bits
    }


def lanes(count: int, first: int = 10) -> dict[str, dict]:
    """Registers of ``count`` lanes, four a lane, that the bit OUT enables."""
    return {f"lanes.lane_{i}.x_{j}": register(DATA, first + 4 * i + j, OUT) for i in range(count) for j in range(4)}


def test_every_copy_drives_one_neighbourhood():
    made = design({"valid": register(DATA, OUT), **lanes(12)})
    assert replicate(made, limit=8) == 5
    cells, by = made["modules"]["top"]["cells"], drivers(made)
    groups: dict[str, set[str]] = {}
    for name, cell in cells.items():
        if name.startswith("lanes."):
            groups.setdefault(by[cell["connections"]["CE"][0]], set()).add(name.split(".")[1])
    assert groups == {
        driver: {f"lane_{2 * i}", f"lane_{2 * i + 1}"}
        for i, driver in enumerate(["valid", *(f"valid_copy_{n}" for n in range(1, 6))])
    }
    for driver in groups:
        copy = cells[driver]
        assert (copy["type"], copy["parameters"]) == ("TRELLIS_FF", {"GSR": "DISABLED"})
        assert copy["connections"] | {"Q": None} == cells["valid"]["connections"] | {"Q": None}


def test_copies_of_luts_are_inputs_that_their_registers_drive():
    """A LUT's copies are made first: then the register before it drives more than it may."""
    made = design({"busy": register(DATA, 5), "enable": lut([5], OUT), **lanes(8)})
    assert replicate(made, limit=2) == 15 + 7
    cells, by = made["modules"]["top"]["cells"], drivers(made)
    loads = Counter(
        by[bit]
        for cell in cells.values()
        for port in ("A", "CE")
        for bit in cell["connections"].get(port, [])
        if bit in by
    )
    assert max(loads.values()) == 2
    assert all(by[cell["connections"]["CE"][0]].startswith("enable") for name, cell in cells.items() if "lane" in name)


def test_block_rams_count_for_more_than_registers():
    memories = {f"block_{i}": lut([OUT], 10 + i, "DP16KD", first="ADA0") for i in range(6)}
    made = design({"address": register(DATA, OUT), **memories})
    assert replicate(made, limit=8) == 2
    cells, by = made["modules"]["top"]["cells"], drivers(made)
    assert [by[cells[f"block_{i}"]["connections"]["ADA0"][0]] for i in range(6)] == [
        "address", "address", "address_copy_1", "address_copy_1", "address_copy_2", "address_copy_2",
    ]  # fmt: skip


@pytest.mark.parametrize("port", ["CLK", "ALUT"])
def test_clocks_and_what_binds_a_place_stay(port: str):
    loads = {f"cell_{i}": lut([OUT], 10 + i, "PFUMX", first=port) for i in range(9)}
    made = design({"driver": register(DATA, OUT), **loads})
    before = json.dumps(made)
    assert replicate(made, limit=4) == 0
    assert json.dumps(made) == before


def test_enables_of_multipliers_keep_one_driver():
    """The four of a block have four places for enables together."""
    multipliers = {f"a_{i}": lut([OUT], 10 + i, "MULT18X18D", first="CE1") for i in range(6)}
    made = design({"swap": register(DATA, OUT), **multipliers, **lanes(2, first=20)})
    assert replicate(made, limit=4) == 1
    cells, by = made["modules"]["top"]["cells"], drivers(made)
    assert {by[cells[name]["connections"]["CE1"][0]] for name in multipliers} == {"swap"}
    assert {by[cells[f"lanes.lane_1.x_{j}"]["connections"]["CE"][0]] for j in range(4)} == {"swap_copy_1"}


def test_enables_of_one_block_of_multipliers_keep_one_driver_where_it_is_known():
    """Six blocks of two multipliers each: the limit of one and a half is cut between blocks."""
    cells = {"swap": register(DATA, OUT)}
    for i, column in enumerate((4, 5, 13, 14, 22, 23, 78, 79, 87, 88, 96, 97)):
        multiplier = lut([OUT], 10 + i, "MULT18X18D", first="CE1")
        cells[f"a_{i}"] = multiplier | {"attributes": {"BEL": f"X{column}/Y34/MULT18_{i % 2}"}}
    made = design(cells)
    assert replicate(made, limit=12) == 5
    by = drivers(made)
    found = [by[cells[f"a_{i}"]["connections"]["CE1"][0]] for i in range(12)]
    assert all(found[i] == found[i + 1] for i in range(0, 12, 2))
    assert len(set(found)) == 6


def test_what_drives_a_port_stays():
    made = design({"valid": register(DATA, OUT), **lanes(3)}, outputs=(OUT,))
    assert replicate(made, limit=4) == 0


def test_few_inputs_need_no_copies(tmp_path):
    netlist = tmp_path / "top.json"
    netlist.write_text(json.dumps(design({"valid": register(DATA, OUT), **lanes(2)})))
    before = netlist.read_text()
    assert replicate_file(netlist) == 0
    assert netlist.read_text() == before
    assert replicate_file(netlist, limit=4) == 1
    assert netlist.read_text() != before


def test_a_register_of_memories_far_apart_has_a_copy_for_each_stretch():
    """Names say that 0 and 1 are neighbours; the floor plan says that 0 and 2 are."""
    cells = {"address": register(DATA, OUT)}
    for number, column in enumerate((4, 100, 6, 110)):
        memory = register(OUT, 10 + number) | {"type": "DP16KD", "attributes": {"BEL": f"X{column}/Y22/EBR0"}}
        cells[f"memory_{number}"] = memory
    made = design(cells)
    assert replicate(made, limit=100) == 1
    by = drivers(made)
    found = [by[cells[f"memory_{number}"]["connections"]["DI"][0]] for number in range(4)]
    assert found == ["address", "address_copy_1", "address", "address_copy_1"]


def held(columns: tuple[int, ...], bits: list[int]) -> dict[str, dict]:
    """Multipliers that a floor plan holds in columns, each with a bit as input."""
    return {
        f"multiplier_{i}": lut([bit], 100 + i, "MULT18X18D", first="A0") | {"attributes": {"BEL": f"X{x}/Y34/MULT18_0"}}
        for i, (x, bit) in enumerate(zip(columns, bits, strict=True))
    }


@pytest.mark.parametrize(("before", "copies"), [(("TRELLIS_FF",), 1), (("TRELLIS_FF", "LUT4"), 0)])
def test_a_register_behind_one_lut_has_a_copy_for_each_stretch_of_logic(before: tuple[str, ...], copies: int):
    """Behind more logic than a LUT, copies would only lie far from it."""
    cells = {"first": register(DATA, 5)}
    for number, kind in enumerate(before):
        cells[f"before_{number}"] = (
            register(5 + number, 6 + number) if kind == "TRELLIS_FF" else lut([5 + number], 6 + number)
        )
    last = 5 + len(before)
    cells |= {"choose": lut([last], 20), "shared": register(20, OUT), **held((4, 60), [OUT, OUT])}
    assert replicate(design(cells), limit=100) == copies


def test_a_register_in_front_of_registers_may_drive_twice_as_far():
    ways = {f"way_{i}": register(OUT, 10 + i) for i in range(2)}
    made = design({"address": register(DATA, OUT), **ways, **held((4, 60), [10, 11])})
    assert replicate(made, limit=100) == 0
    assert replicate(design({"address": register(DATA, OUT), **held((4, 60), [OUT, OUT])}), limit=100) == 1


_BUSY = """
import json, random
from celosia.build.replicate import replicate
rng = random.Random(1)
cells = {}
for i in range(300):
    reads = [rng.randrange(10, 10 + max(1, i)) for _ in range(3)] if i else [3, 3, 3]
    ports = dict(zip("ABC", reads)) if i % 3 else {"DI": reads[0], "CE": reads[1]}
    ways = dict.fromkeys(ports, "input") | {"Z" if i % 3 else "Q": "output"}
    connections = {port: [bit] for port, bit in ports.items()} | {"Z" if i % 3 else "Q": [10 + i]}
    kind = "LUT4" if i % 3 else "TRELLIS_FF"
    cells[f"m.cell_{rng.random()}"] = {"type": kind, "port_directions": ways, "connections": connections}
design = {"modules": {"top": {"ports": {}, "cells": cells, "netnames": {}}}}
print(replicate(design, limit=2), json.dumps(design))
"""


def test_the_same_copies_are_made_every_time():
    """Whatever order Python's sets have in a process: a bitstream is to be the same."""
    made = {
        subprocess.run(
            [sys.executable, "-c", _BUSY],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    (only,) = made
    assert int(only.split()[0]) > 100
