# SPDX-License-Identifier: Apache-2.0
"""The shape of what `roll` writes; that it computes the same is tested on whole netlists (`test_netlist`)."""

import re

import pytest

from celosia.sim.verilator.flat_verilog import fold_equal, width
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


def test_an_expression_with_an_enable_becomes_a_loop_under_it():
    sums = {f"s_{n}": f"{'even' if n < 10 else 'odd'}? d_{n} + s_{n}" for n in range(20)}
    text = roll(module(sums | {f"d_{n}": "a" for n in range(20)}, inputs=("a", "even", "odd")))
    for enable, first in (("even", 0), ("odd", 10)):
        inside = text.split(f"if ({enable}) begin\n")[1].split(f"loop_0_next[i + {first}] = x0 + x1;\n")[0]
        assert f"x0 = loop_1[i + {first}];" in inside
        assert "if (" not in inside


def test_parts_of_one_word_are_gathered():
    sums = {f"s_{n}": f"word[{8 * n + 7}:{8 * n}] + s_{n}" for n in range(10)}
    text = roll(module(sums, inputs=("a", "word")).replace("  wire word;", "  wire [79:0] word;"))
    assert "loop_0_leaf_0[9] = word[79:72];" in text
    assert "reg [7:0] loop_0_leaf_0 [0:15];" in text
    assert "loop_0_next[i + 0] = x0 + x1;" in text


def test_a_part_with_a_range_of_its_own_keeps_it():
    lines = [
        line for n in range(10) for line in (f"  wire [8:1] \\p{n}[8:1] ;", f"  assign \\p{n}[8:1]  = d_{n} << 1;")
    ]
    text = module({f"s_{n}": f"\\p{n}[8:1] [8:4]" for n in range(10)} | {f"d_{n}": "a" for n in range(10)})
    text = roll(text.replace("endmodule", "\n".join([*lines, "endmodule"])))
    assert "reg [8:1] l0;" in text
    assert "l0 = x0 << 1;" in text
    assert "loop_0_next[i + 0] = l0[8:4];" in text.replace("l0 [", "l0[")


def test_registers_that_share_a_source_in_pairs_copy_it_in_a_loop():
    sums = {f"s_{n}": f"d_{n // 2} + e_{n}" for n in range(16)}
    text = roll(module(sums | {f"{name}_{n}": "a" for name in "de" for n in range(16)}))
    assert "loop_0_leaf_0[2 * i + 0] = loop_1[i + 0];" in text
    assert "loop_0_leaf_0[2 * i + 1] = loop_1[i + 0];" in text


def test_a_wire_that_reads_itself_or_is_far_from_a_register_is_no_loop():
    chain = [(f"c{m}_{n}", f"c{m + 1}_{n} + d_{n}") for n in range(8) for m in range(400)]
    ends = [(f"c400_{n}", f"c0_{n}") for n in range(8)]
    text = roll(module({f"s_{n}": f"c0_{n}" for n in range(8)} | {f"d_{n}": "a" for n in range(8)}, chain + ends))
    assert "loop_0_next[7] = c0_7;" in text


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("assign b = { a[3], a[3], a[3], a[3:1] };", "assign b = { {3{a[3]}}, a[3:1] };"),
        ("assign b = { c, \\a [3], \\a [3], \\a [3] };", "assign b = { c, {3{\\a [3]}} };"),
        ("assign b = { a[3], a[3], a[2] };", "assign b = { a[3], a[3], a[2] };"),
        ("assign b = { a[3], a[3], a[3:0], a[3] };", "assign b = { a[3], a[3], a[3:0], a[3] };"),
        ('$write("%d", a[3], a[3], a[3]);', '$write("%d", a[3], a[3], a[3]);'),
    ],
)
def test_equal_bits_are_written_once(line, folded):
    assert fold_equal(line) == folded


def test_width_of_a_type():
    assert [width(kind) for kind in ("", "signed ", "[7:0] ", "signed [32:1] ")] == [1, 1, 8, 32]


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
