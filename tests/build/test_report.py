# SPDX-License-Identifier: Apache-2.0
"""nextpnr's reports, in short: from excerpts of real ones."""

import pytest

from celosia.build.blocks import block_of, local_name
from celosia.build.report import overfull, parse_report, parse_utilization_line
from celosia.gateware.family import Family

CORE = "soc.core.compute.datapath"
CLOCK = "$glbnet$clocking.clk"


def hop(kind, delay, cell, net=None):
    part = {"type": kind, "delay": delay, "from": {"cell": cell, "loc": [4, 37], "port": "Q"}}
    return part | {"to": {"cell": cell, "loc": [4, 37], "port": "D"}} | ({"net": net} if net else {})


ECP5 = {
    "fmax": {
        CLOCK: {"achieved": 131.5, "constraint": 125},
        "clocking.start_clk": {"achieved": 252.9, "constraint": 125},
    },
    "critical_paths": [
        {"from": "posedge clocking.start_clk", "to": "posedge clocking.start_clk", "path": [hop("clk-to-q", 9.0, "x")]},
        {"from": "<async>", "to": f"posedge {CLOCK}", "path": [hop("routing", 99.0, "x", "rx")]},
        {
            "from": f"posedge {CLOCK}",
            "to": f"posedge {CLOCK}",
            "path": [
                hop("clk-to-q", 0.525, f"{CORE}.walker.column_TRELLIS_FF_Q_3"),
                hop("routing", 1.5, f"{CORE}.walker.column_TRELLIS_FF_Q_3", f"{CORE}.walker.column[3]"),
                hop("logic", 0.236, f"{CORE}.feeder.address_TRELLIS_FF_Q_DI_LUT4_Z"),
                hop("routing", 5.0, f"{CORE}.feeder.address_TRELLIS_FF_Q_DI_LUT4_Z", f"{CORE}.feeder.address_DI"),
                hop("logic", 0.236, "soc.core.compute.activation_memory.even.choice_LUT4_Z"),
                hop("setup", 0.1, "soc.core.compute.activation_memory.even.block_0_0.cell"),
            ],
        },
    ],
    "utilization": {
        "TRELLIS_COMB": {"used": 30123, "available": 83640},
        "TRELLIS_FF": {"used": 41000, "available": 83640},
        "MULT18X18D": {"used": 156, "available": 156},
        "DP16KD": {"used": 206, "available": 208},
        "EHXPLLL": {"used": 1, "available": 4},
    },
}


def test_the_slowest_clock_is_what_counts():
    report = parse_report(Family.ECP5, ECP5)
    assert report.fmax_hz == pytest.approx(131.5e6)
    assert report.path.clock == CLOCK
    assert report.resources == {"LUT": (30123, 83640), "FF": (41000, 83640), "DSP": (156, 156), "RAM": (206, 208)}


def test_the_slowest_path_is_told_in_blocks():
    path = parse_report(Family.ECP5, ECP5).path
    assert path.blocks == ["walker", "feeder", "activation_memory"]
    assert path.nanoseconds == pytest.approx(7.597)
    assert path.routing == pytest.approx(6.5)
    assert str(path) == (
        "walker: column → activation_memory: even.block_0_0.cell through walker → feeder → activation_memory: "
        "7.60 ns, 6.50 of it wires, 2 levels of logic"
    )


def test_a_design_without_registers_has_no_limit():
    report = parse_report(Family.ICE40, {"fmax": {}, "critical_paths": [], "utilization": {}})
    assert report.fmax_hz == float("inf")
    assert str(report.path) == "no path"


def test_gowin_multipliers_count_as_the_narrowest():
    used = {
        "LUT4": {"used": 9000, "available": 20736},
        "MULT9X9": {"used": 64, "available": 96},
        "MULT18X18": {"used": 16, "available": 48},
    }
    content = {"fmax": {}, "critical_paths": [], "utilization": used}
    assert parse_report(Family.GOWIN, content).resources == {"LUT": (9000, 20736), "DSP": (96, 96)}


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("Info: \t              DP16KD:     407/    208   195%", ("DP16KD", 407, 208)),
        ("Info: \t         ICESTORM_LC:    51/  5280     0%", ("ICESTORM_LC", 51, 5280)),
        ("Info: Packing block RAMs...", None),
        ("Info:     at iteration #1, type ALL: wirelen solved = 7098, spread = 251632; time = 1.96s", None),
    ],
)
def test_lines_of_the_table_of_what_is_used(line, entry):
    assert parse_utilization_line(line) == entry


def test_only_too_much_is_reported():
    assert overfull("Info: \t DP16KD:     407/    208   195%") == (
        "407 DP16KD are needed, 208 are there (199 too many)"
    )
    assert overfull("Info: \t DP16KD:     208/    208   100%") is None


@pytest.mark.parametrize(
    ("name", "block", "local"),
    [
        ("soc.core.compute.datapath.array.pair_3.sum_TRELLIS_FF_Q_7", "array", "pair_3.sum"),
        ("soc.core.control.sequencer.index_SB_DFFESR_Q", "sequencer", "index"),
        ("soc.link.uart_rx.count_LUT4_Z_2", "link", "uart_rx.count"),
        ("soc.core.control.status_LUT4_Z", "control glue", "status"),
        ("clocking.count_CCU2C_S0", "clocking", "count"),
        ("$glbnet$clocking.start_clk", "clocking", "start_clk"),
        ("led_0__io", "pins", "led_0__io"),
        ("sdram_pads.dq.buf.io", "pins", "sdram_pads.dq.buf.io"),
        ("$PACKER_VCC", "tools", "$PACKER_VCC"),
        ("enable", "top glue", "enable"),
    ],
)
def test_names_of_cells_tell_their_block(name, block, local):
    assert block_of(name) == block
    assert local_name(name) == local
