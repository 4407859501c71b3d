# SPDX-License-Identifier: Apache-2.0
"""The way through the real tools: what is placed, written back and routed is the same design.

It runs where the tools are: pip install 'celosia[fpga]'.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from celosia.build.process import run_tool
from celosia.build.refine import Refined, refine_file
from celosia.build.refine.placement import Placement
from celosia.build.refine.rules import Tiles
from celosia.gateware.family import Family
from support.tools import tools_of

VERILOG = """
module top(input clk, reset_pin, enable_pin, input [11:0] a_pins, b_pins, output reg [7:0] memory,
           output reg [23:0] product, output reg picked, output reg [15:0] sum, count);
    reg reset, enable;
    reg [11:0] a, b;
    always @(posedge clk) {reset, enable, a, b} <= {reset_pin, enable_pin, a_pins, b_pins};

    always @(posedge clk) begin
        if (enable) count <= count + 1;
        if (reset) count <= 0;
        sum <= sum + {a[3:0], b} - (count ^ {b, 4'b0});
    end

    reg [7:0] ram [0:15];
    always @(posedge clk) begin
        if (enable) ram[a[3:0]] <= sum[7:0];
        memory <= ram[b[3:0]] ^ count[15:8];
    end

    reg [63:0] line;
    always @(posedge clk) begin
        if (reset) line <= 0; else if (b[0]) line <= {line[62:0], sum[15]};
        picked <= line[a[5:0]];
    end

    wire [35:0] p;
    always @(posedge clk) product <= p[23:0];
    MULT18X18D #(.REG_OUTPUT_CLK("CLK0"), .REG_OUTPUT_CE("CE0"), .REG_OUTPUT_RST("RST0")) multiplier(
        .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0), .CLK0(clk), .CE0(1'b1), .RST0(1'b0),
        OPERANDS, .P0(p[0])
    );
endmodule
"""

SCRIPT = "read_verilog top.v; synth_ecp5 -top top; write_json top.json\n"

DEVICE = ["--12k", "--package", "CABGA256", "--speed", "6", "--seed", "1", "--placer", "static", "--router", "router2"]

CLOCK_HZ = 150e6
"""About what the design reaches, so that some of it has too little time to spare."""

ROUTED = re.compile(r"arc: ")
"""What the router decides in every tile."""

ROUTED_LOGIC = re.compile(
    r"enum: (LSR|CLK)[01]\.\w+ |enum: SLICE[A-D]\.[A-D][01]MUX 1$|word: SLICE[A-D]\.K[01]\.INIT |arc: "
)
"""In a logic tile, which of two clocks and resets is whose, too, and the order of a LUT's inputs."""


def operands() -> str:
    """Ports of the multiplier: twelve bits of each factor; above are constants, zeros and ones in one, zeros in the
    other."""
    ports = [f".A{i}(a[{i}]), .B{i}(b[{i}])" for i in range(12)]
    ports += [f".A{i}(1'b{i % 2}), .B{i}(1'b0)" for i in range(12, 18)]
    return ", ".join(ports + [f".P{i}(p[{i}])" for i in range(1, 36)])


def nextpnr(folder: Path, name: str, *arguments: str) -> None:
    run_tool("nextpnr-ecp5", [*DEVICE, *arguments], folder, folder / f"{name}.log")


def route(folder: Path, name: str) -> None:
    """From places to a configuration."""
    nextpnr(folder, name, "--json", f"{name}.json", "--no-pack", "--no-place", "--textcfg", f"{name}.config",
            "--report", f"{name}.report", "--timing-allow-fail")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A design placed and routed in one run, and one that is only placed."""
    tools_of(Family.ECP5)
    folder = tmp_path_factory.mktemp("refine")
    (folder / "top.v").write_text(VERILOG.replace("OPERANDS", operands()))
    (folder / "top.ys").write_text(SCRIPT)
    run_tool("yosys", ["top.ys"], folder, folder / "yosys.log")
    given = ["--json", "top.json", "--lpf-allow-unconstrained"]
    nextpnr(folder, "one", *given, "--textcfg", "one.config")
    nextpnr(folder, "placed", *given, "--no-route", "--write", "placed.json")
    return folder


def read(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A design, and the module in it."""
    design = json.loads(file.read_text())
    (module,) = design["modules"].values()
    return design, module


def settings(config: Path) -> dict[str, set[str]]:
    """What is set in every tile, but for what the router decides."""
    found: dict[str, set[str]] = {}
    for part in config.read_text().split("\n\n"):
        head, *lines = part.strip().split("\n")
        routed = ROUTED_LOGIC if head.endswith(":PLC2") else ROUTED
        found[head] = {line for line in lines if not routed.match(line)}
    return {head: lines for head, lines in found.items() if lines}


def test_the_design_has_something_of_everything(folder: Path):
    placement = Placement(read(folder / "placed.json")[1])
    kinds = set(zip(placement.kinds, placement.modes, strict=True))
    assert {("TRELLIS_COMB", mode) for mode in ("LOGIC", "CCU2", "DPRAM", "RAMW_BLOCK")} <= kinds
    assert {"TRELLIS_FF", "TRELLIS_RAMW", "MULT18X18D", "TRELLIS_IO", "DCCA"} <= set(placement.kinds)
    assert any("FXA" in cell["connections"] for cell in placement.cells)
    registers = [index for index, kind in enumerate(placement.kinds) if kind == "TRELLIS_FF"]
    assert {placement.wire(index, port) is None for index in registers for port in ("CE", "LSR")} == {True, False}
    assert 200 < len([spot for spot in placement.spots if spot is not None]) < 1000


def test_what_nextpnr_places_is_valid(folder: Path):
    tiles = Tiles(Placement(read(folder / "placed.json")[1]))
    assert [tile for tile in tiles.known if not tiles.valid(*tile)] == []


def test_what_is_written_back_is_routed_as_if_nothing_had_been_read(folder: Path):
    """All but what the router decides: above all the inputs of the multiplier that are tied to constants."""
    design, module = read(folder / "placed.json")
    Placement(module).write_back()
    (folder / "two.json").write_text(json.dumps(design))
    route(folder, "two")
    one, two = settings(folder / "one.config"), settings(folder / "two.config")
    assert {head: lines ^ two.get(head, set()) for head, lines in one.items() if lines != two.get(head)} == {}
    assert set(one) == set(two)
    assert any("DSP" in head for head in one)


@pytest.fixture(scope="module")
def refined(folder: Path) -> Refined:
    """What was moved; the result is routed."""
    (folder / "three.json").write_bytes((folder / "placed.json").read_bytes())
    result = refine_file(folder / "three.json", CLOCK_HZ)
    route(folder, "three")
    return result


def test_moved_cells_are_routed_where_they_went(folder: Path, refined: Refined):
    before, after = (Placement(read(folder / name)[1]) for name in ("placed.json", "three.json"))
    assert refined.moves > 0
    assert refined.after < refined.before
    assert before.names == after.names
    assert before.spots != after.spots
    tiles = Tiles(after)
    assert len(tiles.at) == len([spot for spot in after.spots if spot is not None])
    assert all(tiles.valid(*tile) for tile in tiles.known)
    assert (folder / "three.config").stat().st_size > 10_000


def test_the_router_aims_at_the_clock_that_the_design_was_refined_for(folder: Path, refined: Refined):
    (clock,) = json.loads((folder / "three.report").read_text())["fmax"].values()
    assert clock["achieved"] > 100
    assert clock["constraint"] == pytest.approx(CLOCK_HZ / 1e6)
