# SPDX-License-Identifier: Apache-2.0
"""Chains of ECP5's carry cells, with yosys' models of the cells, proved equal to what simulators run instead."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Module, Signal, signed, unsigned
from pyosys import libyosys

from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.primitives.ecp5_carry import CarrySum
from support.refusal import refused

SUMS = {
    "two numbers, even width": (signed(7), unsigned(6), 8, {}),
    "two numbers, odd width": (signed(6), signed(7), 7, {}),
    "difference, even width": (signed(6), signed(6), 6, {"minus": True}),
    "difference, odd width": (unsigned(9), signed(4), 9, {"minus": True}),
    "shifted, even": (signed(8), signed(8), 12, {"shift": 4}),
    "shifted, odd": (unsigned(8), unsigned(5), 9, {"shift": 2}),
    "shifted difference": (signed(5), signed(6), 10, {"shift": 3, "minus": True}),
    "two partial products": (signed(8), signed(8), 10, {"shift": 1, "gated": True}),
    "and one with a sign": (signed(8), signed(8), 10, {"shift": 1, "gated": True, "minus": True}),
    "without shift": (signed(4), unsigned(5), 7, {"gated": True}),
}


def difference(a, b, bits, options) -> str:
    """Cells and model side by side, and whether they differ."""
    m = Module()
    differ = Signal()
    pair = {name: CarrySum(a, b, bits, **options) for name in ("cells", "model")}
    ports: list[Signal] = [differ]
    for name in sorted({"a", "b", "x", "y"} & set(pair["cells"].signature.members)):
        ports.append(Signal.like(getattr(pair["cells"], name), name=name))
        m.d.comb += [getattr(carry_sum, name).eq(ports[-1]) for carry_sum in pair.values()]
    m.d.comb += differ.eq(pair["cells"].sum != pair["model"].sum)
    for name, carry_sum in pair.items():
        platform = SimulatedPlatform(Device(Family.ECP5, simulated=name == "model"))
        m.submodules[name] = Fragment.get(carry_sum, platform)
    return rtlil.convert(m, ports=ports, emit_src=False)


@pytest.mark.parametrize("case", SUMS)
def test_chain_equals_its_model_whatever_comes_into_the_first_cell(case, tmp_path):
    a, b, bits, options = SUMS[case]
    design = libyosys.Design()
    (tmp_path / "both.il").write_text(difference(a, b, bits, options))
    for command in (
        f"read_rtlil {tmp_path}/both.il",
        "read_verilog -overwrite +/ecp5/cells_sim.v",
        "hierarchy -top top",
        "proc",
        "flatten",
        "setundef -undriven -anyseq",
        "opt_clean",
        "sat -verify -prove differ 0 top",
    ):
        libyosys.run_pass(f"tee -q -o {tmp_path}/log {command}", design)


def test_shift_must_leave_a_bit():
    refused(lambda: CarrySum(signed(4), signed(4), 4, shift=4), "shift must be from 0 to 3, less than sum_bits, not 4")
