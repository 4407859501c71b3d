# SPDX-License-Identifier: Apache-2.0
"""What ``celosia simulate`` and serial ports say to bad arguments; tests/sim_board runs the real thing."""

import pytest

from celosia.demo import MODEL


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["simulate", "toaster"], "no board is called 'toaster'; choose one of"),
        (["simulate", "ulx3s-85f", "--config", "c7"], "choose one of c256"),
        (["simulate", "ulx3s-85f", "--bit-cycles", "3"], "--bit-cycles must be 4 to 65536, not 3"),
        (["simulate", "ulx3s-85f", "--bit-cycles", "8", "--real-speed"], "exclude each other"),
        (["simulate"], "BOARD"),
        (
            ["run", MODEL, "--on", "paper"],
            "no device is called 'paper'; choose one of functional, verilator, pysim, or",
        ),
        (["run", MODEL, "--on", "/dev/none"], "/dev/none: "),
        (["run", MODEL, "--on", "/dev/none@fast"], "after the @ comes a number of bits a second"),
        (["run", MODEL, "--on", "/dev/none", "--wave", "w.vcd"], "/dev/none: a board has no waveforms"),
        (["demo", "--on", "paper"], "no device is called 'paper'"),
    ],
)
def test_bad_arguments(celosia, monkeypatch, tmp_path, arguments, what):
    monkeypatch.chdir(tmp_path)
    assert what in celosia(*arguments).complaint()
    assert not list(tmp_path.iterdir())
