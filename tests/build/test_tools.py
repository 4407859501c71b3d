# SPDX-License-Identifier: Apache-2.0
"""Finding and running the tools, and what users read when something is missing."""

import os
import stat
import sys
from types import SimpleNamespace

import pytest

from celosia.boards import BOARDS
from celosia.boards.parts import LFE5U_85F
from celosia.build import loader, process, tools
from celosia.build.errors import BuildError
from celosia.build.fits import check_fits, count_cells
from celosia.build.plan import _modern, _without_brackets
from celosia.build.process import run_tool
from celosia.build.tools import Tool


def test_a_tool_that_is_missing_names_the_package():
    with pytest.raises(BuildError, match=r"needs the package no-such-package: pip install 'celosia\[fpga\]'"):
        Tool("no-such-package", "no_such_module", "").command()


def test_a_tool_runs_in_this_interpreter_whatever_is_on_the_path(monkeypatch, tmp_path):
    fake = tmp_path / "nextpnr-ecp5"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    for tool in tools.TOOLS.values():
        monkeypatch.setattr(tools.Tool, "version", lambda self: "1")
        assert tool.command("--help")[0] == sys.executable


@pytest.fixture
def speaking(monkeypatch):
    """A tool that prints its arguments; the last is its exit status."""
    statement = "[print(line) for line in argv[:-1]]; sys.exit(int(argv[-1]))"
    monkeypatch.setitem(process.TOOLS, "speaking", Tool("pytest", "pytest", statement))


def test_all_a_tool_says_is_kept_and_watched(speaking, tmp_path):
    lines = []
    run_tool("speaking", ["one", "two", "0"], tmp_path, tmp_path / "log", lines.append)
    assert lines == ["one", "two"]
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_a_failing_tools_first_error_is_the_message(speaking, tmp_path):
    said = ["Info: fine", "ERROR: no room", "ERROR: giving up", "3"]
    with pytest.raises(BuildError, match=r"^speaking failed: ERROR: no room \(all of it: .*log\)$"):
        run_tool("speaking", said, tmp_path, tmp_path / "log")
    with pytest.raises(BuildError, match="b / c / d"):
        run_tool("speaking", ["a", "b", "c", "d", "1"], tmp_path, tmp_path / "log")


def test_a_watcher_can_end_a_tool(speaking, tmp_path):
    def refuse(line):
        raise BuildError("seen enough")

    with pytest.raises(BuildError, match="seen enough"):
        run_tool("speaking", ["one", "0"], tmp_path, tmp_path / "log", refuse)


def test_identifiers_lose_their_brackets_and_bits_keep_theirs():
    text = "  wire width 4 \\sums[0]\n  connect \\sums[0] [3:1] \\a.b[2][1].c [0]\n  cell \\x $1\n"
    assert _without_brackets(text) == (
        "  wire width 4 \\sums.0\n  connect \\sums.0 [3:1] \\a.b.2.1.c [0]\n  cell \\x $1\n"
    )


def test_arguments_for_the_old_nextpnr_gowin_become_those_of_the_new_one():
    old = ["nextpnr-gowin", "--device", "GW2A", "--family", "GW2A-18C", "--json", "x", "--cst", "top.cst"]
    new = ["nextpnr-gowin", "--device", "GW2A", "--vopt", "family=GW2A-18C", "--json", "x", "--vopt", "cst=top.cst"]
    assert _modern(old) == new


def test_too_many_cells_are_seen_in_the_rtlil():
    rtlil = "".join(f"  cell \\DP16KD \\block_{i}\n  end\n" for i in range(210)) + "  cell \\MULT18X18D \\m\n  end\n"
    assert count_cells(rtlil) == {"DP16KD": 210, "MULT18X18D": 1}
    with pytest.raises(BuildError, match=r"an LFE5U-85F: 210 blocks of block RAM .* 208 are there \(2 too many\)"):
        check_fits(LFE5U_85F, count_cells(rtlil))
    check_fits(LFE5U_85F, count_cells(rtlil.replace("DP16KD", "DP16KE")))


ULX3S, ICEBREAKER = BOARDS["ulx3s-85f"], BOARDS["icebreaker"]


@pytest.fixture
def answers(monkeypatch, tmp_path):
    """openFPGALoader as one that says something and ends with a status."""
    calls = []

    def make(text, status):
        monkeypatch.setattr(loader, "loader", lambda: tmp_path / "openFPGALoader")
        done = SimpleNamespace(returncode=status, stdout="", stderr=text)
        monkeypatch.setattr(loader.subprocess, "run", lambda command, **_: calls.append(command) or done)
        return calls

    return make


def test_a_bitstream_goes_where_the_board_can_have_it(answers, tmp_path):
    calls = answers("", 0)
    loader.program(ULX3S, tmp_path / "a.bit")
    loader.program(ULX3S, tmp_path / "a.bit", flash=True)
    loader.program(ICEBREAKER, tmp_path / "a.bin")
    assert [call[1:-1] for call in calls] == [
        ["-b", "ulx3s", "--write-sram"],
        ["-b", "ulx3s", "--write-flash"],
        ["-b", "ice40_generic", "--write-flash"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x: error while loading shared libraries: libusb-1.0.so.0: cannot open", r"needs libusb-1\.0\.so\.0: install"),
        ("unable to open ftdi device: -3 (device not found)\nJTAG init failed", r"no Radiona ULX3S \(85F\) answers"),
        ("Error: wrong file type", "openFPGALoader failed: Error: wrong file type"),
        ("", "says nothing"),
    ],
)
def test_failures_to_load_are_explained(answers, tmp_path, text, message):
    answers(text, 1)
    with pytest.raises(BuildError, match=message):
        loader.program(ULX3S, tmp_path / "a.bit")


def test_ports_are_known_by_their_numbers(monkeypatch):
    list_ports = pytest.importorskip("serial.tools.list_ports", reason="needs pyserial: pip install 'celosia[fpga]'")
    ports = [
        SimpleNamespace(device="/dev/ttyUSB1", vid=0x0403, pid=0x6015, product="ULX3S FPGA 85K v3.0.8", description=""),
        SimpleNamespace(device="/dev/ttyUSB0", vid=0x1234, pid=0x5678, product="a mouse", description=""),
        SimpleNamespace(device="/dev/ttyS0", vid=None, pid=None, product=None, description="n/a"),
    ]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    (port,) = loader.serial_ports()
    assert port.device == "/dev/ttyUSB1"
    assert "ulx3s-85f" in port.boards
    assert "tang-primer-20k" not in port.boards
