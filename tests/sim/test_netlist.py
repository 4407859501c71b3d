# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from celosia.arch.registers import Register
from celosia.runtime import TransportError
from celosia.sim import SimulatorError
from celosia.sim.verilator.netlist import FLAT, both_edges, clean_verilog, fold_memory_init, to_rtlil
from sim.copier import Copier, small
from sim.mixture import INPUTS, OUTPUTS, Recorded

CYCLES = 1500


def record(transport, inputs):
    transport.external_write(INPUTS, inputs)
    transport.write(Register.CONTROL, 0)
    with pytest.raises(TransportError, match=f"no interrupt within {CYCLES} cycles"):
        transport.wait(CYCLES)
    return np.frombuffer(transport.external_read(OUTPUTS, 8 * (CYCLES - 50)), "<u8")


@pytest.mark.parametrize("hierarchical", [False, True])
def test_a_cleaned_netlist_does_what_amaranth_says(simulate, tmp_path, hierarchical):
    inputs = np.random.default_rng(4).bytes(0x8000)
    expected = record(simulate("pysim", component=Recorded), inputs)
    wave = tmp_path / "mixture.vcd" if hierarchical else None
    actual = record(simulate("verilator", component=Recorded, wave=wave), inputs)
    assert len(np.unique(expected)) > CYCLES // 2
    np.testing.assert_array_equal(actual, expected)


def test_equal_hardware_is_equal_text():
    assert to_rtlil(Copier(small())) == to_rtlil(Copier(small()))
    assert to_rtlil(Copier(small(64))) != to_rtlil(Copier(small(32)))


def test_ports_keep_their_names(tmp_path):
    text = clean_verilog(to_rtlil(Copier(small())), tmp_path, FLAT).read_text()
    for port in ("clk", "rst", "control__awaddr", "memory__rdata", "interrupt", "trace_started"):
        assert f" {port};\n" in text


def test_a_netlist_that_yosys_rejects_is_one_line(tmp_path):
    with pytest.raises(SimulatorError, match=r"^Yosys could not clean the netlist: .+$"):
        clean_verilog("module \\top\n  nonsense\nend\n", tmp_path)


def test_runs_of_equal_memory_words_become_loops():
    def word(i, value):
        return f"    \\a.b [{i}] = 8'h{value:02x};\n"

    lines = ["  initial begin\n", *(word(i, 0) for i in range(100)), word(100, 1), word(101, 1), word(103, 1), "end\n"]
    assert list(fold_memory_init(lines)) == [
        "  initial begin\n",
        "    for (int i = 0; i < 100; i = i + 1) \\a.b [i] = 8'h00;\n",
        word(100, 1),
        word(101, 1),
        word(103, 1),
        "end\n",
    ]


def test_every_change_of_the_clock_becomes_an_edge():
    assert both_edges("always @(posedge clk) begin") == "always @(posedge clk, negedge clk) begin"
