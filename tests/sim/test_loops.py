# SPDX-License-Identifier: Apache-2.0
"""The shape of what `roll` writes; that it computes the same is tested on whole netlists (`test_netlist`)."""

import re

from celosia.sim.verilator.loops import roll
from celosia.sim.verilator.netlist import clean_verilog, to_rtlil
from sim.copier import small
from sim.mixture import Recorded


def module(registers, assigns=(), inputs=("a",)):
    """A module of ``{name: next value}``, 8 bits each, with a common reset."""
    lines = ["module top(clk, rst, " + ", ".join(inputs) + ");", "  input clk;", "  wire clk;"]
    for name in ("rst", *inputs):
        lines += [f"  input {name};", f"  wire {name};"]
    lines += [f"  wire [8:0] {name};" for name, _ in assigns]
    lines += [f"  reg [7:0] {name} = 8'h00;" for name in registers]
    for name, value in registers.items():
        enable, _, value = value.rpartition("? ")
        update = f"{name} <= {value};"
        lines += ["  always @(posedge clk)", f"    if (rst) {name} <= 8'h00;"]
        lines += [f"    else if ({enable}) {update}" if enable else f"    else {update}"]
    lines += [f"  assign {name} = {value};" for name, value in assigns]
    return "\n".join([*lines, "endmodule", ""])


def statements(text):
    """What computes new values, without declarations, initial values and resets."""
    return [
        line
        for line in text.splitlines()
        if "_next[" in line and not line.startswith(("  initial", "  if (rst)", "  reg"))
    ]


def test_a_delay_is_one_loop_and_its_head():
    text = roll(module({"d_0": "a", **{f"d_{n}": f"d_{n - 1}" for n in range(1, 20)}}))
    assert statements(text) == [
        "  loop_0_next[0] = a;",
        "  for (int unsigned i = 0; i < 19; i = i + 1) loop_0_next[i + 1] = loop_0[i + 0];",
    ]
    assert not re.search(r"\bd_\d", text)


def test_what_is_too_few_or_has_no_number_stays():
    text = module({f"d_{n}": "a" for n in range(7)} | {"d": "d_3"})
    assert roll(text) == text


def test_an_expression_becomes_a_loop_with_its_wires():
    sums = {f"s_{n}": f"_{n}_[7:0]" for n in range(10)}
    delays = {f"d_{n}": "a" for n in range(10)}
    text = roll(module(sums | delays, [(f"_{n}_", f"s_{n} + d_{n}") for n in range(10)]))
    assert text.count("x0 = loop_0[i + 0];") == text.count("x1 = loop_1[i + 0];") == 1
    assert text.count("l0 = x0 + x1;") == text.count("loop_0_next[i + 0] = l0[7:0];") == 1
    assert "reg [8:0] l0;" in text


def test_leaves_out_of_line_are_gathered_unless_they_are_too_many():
    def rolled(*columns):
        """16 sums of one element of each column."""
        sums = {f"s_{n}": " + ".join(column[n] for column in columns) for n in range(16)}
        return roll(module(sums | {f"{name}_{n}": "a" for name in "de" for n in range(16)}))

    d, e = ([f"{name}_{n}" for n in range(16)] for name in "de")
    text = rolled(d, [*e[:8], "e_3", *e[9:]])
    assert "loop_0_leaf_0[i + 0] = loop_2[i + 0];" in text
    assert "loop_0_leaf_0[8] = loop_2[3];" in text
    assert "x1 = loop_0_leaf_0[i];" in text
    assert "leaf_1" not in text
    assert "leaf" not in rolled(d, e)
    text = rolled(d[::-1], e[::-1])
    assert "leaf" not in text
    assert "loop_0_next[15] = loop_1[0] + loop_2[0];" in text


def test_an_enable_keeps_what_it_stops():
    registers = {f"w_{n}": f"a && b? {'c' if n % 2 else 'a'}" for n in range(8)}
    text = roll(module(registers, inputs=("a", "b", "c")))
    assert text.count("if (a && b) begin") == 1
    assert [line.strip() for line in statements(text)] == [f"loop_0_next[{n}] = {'ac'[n % 2]};" for n in range(8)]


def test_names_of_the_design_are_not_taken():
    registers = {f"loop_{n}": "a" for n in range(8)}
    text = roll(module(registers, inputs=("a", "loop1_3")))
    assert "reg [7:0] loop2_0 [0:7]" in text


def test_equal_text_is_rolled_equally(tmp_path):
    text = clean_verilog(to_rtlil(Recorded(small())), tmp_path).read_text()
    first = roll(text)
    assert first == roll(text)
    assert re.search(r"loop_\d+_next\[i \+ \d+\] = l\d+;", first)
