# SPDX-License-Identifier: Apache-2.0
"""SB_MAC16 as it is used here, with yosys' model of the cell, against what simulators run instead."""

import re
from pathlib import Path

import pyosys
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Fragment, Module, Signal, Value
from amaranth.lib.wiring import Out
from pyosys import libyosys

from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.primitives.ice40_mac import Multiplier16, TwoMultipliers

KINDS = {
    "two 8x8": TwoMultipliers,
    "16x16, a signed": lambda: Multiplier16(a_signed=True),
    "16x16, a cycle late": lambda: Multiplier16(a_signed=True, late=True),
}


def side_by_side(kind) -> str:
    """Cell and model fed with the same noise; ``met`` counts results, ``differed`` stays high once they do."""
    m = Module()
    noise = Signal(64, init=0x9E3779B97F4A7C15)
    differed = Signal()
    met = Signal(16)
    bits: Value = noise
    for step in range(20):  # of a maximal-length shift register (Xilinx XAPP 052)
        following = Signal(64, name=f"noise_{step}")
        m.d.comb += following.eq(Cat(bits[63] ^ bits[62] ^ bits[60] ^ bits[59], bits[:63]))
        bits = following
    m.d.sync += noise.eq(bits)
    pair = {name: kind() for name in ("cell", "model")}
    results = []
    for name, component in pair.items():
        used, result = 0, []
        for _, member, port in component.signature.flatten(component):
            value = Value.cast(port)
            if member.flow is Out:
                result.append(value)
            else:
                m.d.comb += value.eq(noise[used : used + len(value)])
                used += len(value)
        results.append(Cat(*result))
        m.submodules[name] = Fragment.get(component, SimulatedPlatform(Device(Family.ICE40, simulated=name == "model")))
    with m.If((results[0] != results[1]) & (met > 8)):  # the cell's registers have no reset
        m.d.sync += differed.eq(1)
    with m.If(results[0].any()):
        m.d.sync += met.eq(met + 1)
    return rtlil.convert(m, ports=[differed, met], emit_src=False)


@pytest.mark.parametrize("kind", KINDS)
def test_cell_and_model_have_the_same_results_in_every_cycle(kind, tmp_path):
    design = libyosys.Design()
    models = (Path(pyosys.__file__).parent / "share/ice40/cells_sim.v").read_text()
    cell = re.search(r"^module SB_MAC16 .*?^endmodule", models, re.MULTILINE | re.DOTALL)
    assert cell
    (tmp_path / "cell.v").write_text(cell[0])
    (tmp_path / "both.il").write_text(side_by_side(KINDS[kind]))
    for command in (
        f"read_rtlil {tmp_path}/both.il",
        f"read_verilog {tmp_path}/cell.v",
        "hierarchy -top top",
        "proc",
        "flatten",
        "opt_clean",
        f"sim -clock clk -reset rst -rstlen 2 -zinit -n 100 -vcd {tmp_path}/wave.vcd top",
    ):
        libyosys.run_pass(f"tee -q -o {tmp_path}/log {command}", design)
    wave = (tmp_path / "wave.vcd").read_text()
    met, differed = (re.search(rf"\$var reg \d+ (\S+) {name}(?: \[.*\])? \$end", wave) for name in ("met", "differed"))
    assert met
    assert differed
    counts = re.findall(rf"^b([01]+) {re.escape(met[1])}$", wave, re.MULTILINE)
    assert int(counts[-1], 2) > 60
    assert not re.search(rf"^(?:1|b1 ){re.escape(differed[1])}$", wave, re.MULTILINE)
