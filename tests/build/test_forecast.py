# SPDX-License-Identifier: Apache-2.0
"""Times of ways through small netlists, worked out by hand."""

import json

import pytest

from celosia.build import forecast as module
from celosia.build.delays import LUT, START
from celosia.build.forecast import ENTRY, TILE, Way, forecast


def cell(kind: str, at: str = "", **ports: list[int | str]) -> dict:
    outputs = {"Q", "Z", "DOB", "COUT", "S0"}
    return {
        "type": kind,
        "port_directions": {port: "output" if port in outputs else "input" for port in ports},
        "connections": ports,
        "attributes": {"BEL": at} if at else {},
    }


def memory(x: int, **ports: list[int | str]) -> dict:
    return cell("DP16KD", f"X{x}/Y22/EBR0", **ports)


def wire(far: int) -> float:
    return TILE * (ENTRY + max(far - 5, 0) + 2 * min(far, 5))


def test_a_wire_from_memory_to_memory():
    cells = {"top.soc.a.block_0": memory(4, DOB=[5]), "top.soc.b.block_1": memory(100, DIA=[5])}
    (way,) = forecast(cells)
    assert way == Way("a: block_…", "b: block_…", pytest.approx(START["DP16KD"] / 1000 + wire(96)), 1)
    assert forecast(cells, above=way.nanoseconds) == []


def test_logic_on_the_way_counts_and_the_latest_input_decides():
    """The LUT lies in the middle of its three wires; the memory at 120 is farther from it than the one at 0."""
    cells = {
        "top.soc.a.near": memory(0, DOB=[5]),
        "top.soc.a.far": memory(120, DOB=[6]),
        "top.soc.b.lut": cell("LUT4", A=[5], B=[6], Z=[7]),
        "top.soc.sink.end": memory(30, DIA=[7]),
    }
    (way,) = forecast(cells, above=1)
    assert (way.start, way.end) == ("a: far", "sink: end")
    assert way.nanoseconds == pytest.approx(START["DP16KD"] / 1000 + wire(70) + LUT / 1000 + wire(20), abs=0.01)


def test_a_register_is_packed_with_what_it_alone_reads():
    end = {"top.soc.sink.end": memory(4, DIA=[8])}
    cells = {"top.soc.a.begin": memory(4, DOB=[5]), "top.soc.b.lut": cell("LUT4", A=[5], Z=[7]), **end}
    packed = cells | {"top.soc.b.register": cell("TRELLIS_FF", DI=[7], CLK=[2], Q=[8])}
    apart = packed | {"top.soc.b.reader": cell("TRELLIS_FF", DI=[7], CLK=[2], Q=[9])}
    times = [
        next(way.nanoseconds for way in forecast(netlist, above=0) if "register" in way.end)
        for netlist in (packed, apart)
    ]
    assert times == pytest.approx(
        [START["DP16KD"] / 1000 + wire(0) + LUT / 1000 + more for more in (0, wire(0))], abs=0.05
    )


def test_a_chain_of_carries_is_one_place():
    cells = {"top.soc.a.begin": memory(4, DOB=[10]), "top.soc.sink.end": memory(4, DIA=[200])}
    for i in range(20):
        cells[f"top.soc.b.sum_{i}"] = cell("CCU2C", A0=[10 if i == 0 else "0"], CIN=[100 + i], COUT=[101 + i])
    cells["top.soc.b.sum_20"] = cell("CCU2C", CIN=[120], S0=[200])
    (way,) = forecast(cells, above=1)
    assert way.nanoseconds == pytest.approx(START["DP16KD"] / 1000 + 2 * 0.45 + 19 * 0.07 + 2 * wire(0), abs=0.05)


def test_loops_end():
    cells = {
        "top.soc.a.begin": memory(4, DOB=[10]),
        "top.soc.b.one": cell("LUT4", A=[10], B=[12], Z=[11]),
        "top.soc.b.two": cell("LUT4", A=[11], Z=[12]),
        "top.soc.sink.end": memory(4, DIA=[12]),
    }
    assert len(forecast(cells, above=1)) == 1


def test_without_a_floor_plan_nothing_is_known():
    assert forecast({"a": cell("TRELLIS_FF", DI=[3], Q=[4]), "b": cell("TRELLIS_FF", DI=[4], Q=[5])}, above=0) == []


def test_command(tmp_path, monkeypatch, capsys):
    cells = {"top.soc.a.block_0": memory(4, DOB=[5]), "top.soc.b.block_1": memory(100, DIA=[5])}
    (tmp_path / "top.json").write_text(json.dumps({"modules": {"top": {"cells": cells}}}))
    monkeypatch.setattr("sys.argv", ["forecast", str(tmp_path / "top.json"), "--above", "2"])
    module.main()
    assert "a: block_…  b: block_…" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "not a netlist of yosys"),
        ("{}", "not a netlist of yosys"),
        ("LUT4", "not a netlist of yosys"),
        ('{"modules": {"top": {"cells": {}}}}', "a forecast needs a floor plan"),
    ],
)
def test_what_is_no_placed_netlist_is_one_line(tmp_path, monkeypatch, capsys, content, why):
    netlist = tmp_path / "top.json"
    if content is not None:
        netlist.write_text(content)
    monkeypatch.setattr("sys.argv", ["forecast", str(netlist)])
    with pytest.raises(SystemExit) as stopped:
        module.main()
    assert stopped.value.code == 2
    assert why in capsys.readouterr().err.splitlines()[-1]


def test_what_is_written_into_a_distributed_memory_is_an_end_and_its_read_address_is_not():
    cells = {
        "top.soc.a.begin": memory(4, DOB=[5, 6]),
        "top.soc.b.table": cell("TRELLIS_DPR16X4", DI=[5], RAD=[6], WCK=[2]),
    }
    (way,) = forecast(cells, above=0)
    assert (way.end, way.ends) == ("b: table", 1)
