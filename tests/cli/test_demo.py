# SPDX-License-Identifier: Apache-2.0
"""The demo, and pictures in a terminal."""

import numpy as np
import pytest

from celosia.cli import demo as module
from celosia.cli.picture import picture
from celosia.demo import digits


def test_demo_shows_every_digit_and_what_it_cost(celosia):
    outcome = celosia("demo", "--on", "functional")
    assert (outcome.status, outcome.err) == (0, "")
    assert f"of {len(digits().labels)} read right" in outcome.out
    assert "every bit is exact" in outcome.out
    assert "c256: a 16x16 int8 array, commands executed in numpy" in outcome.out
    assert "utilization" in outcome.out


def test_demo_json(celosia):
    outcome = celosia("demo", "--on", "functional", "--count", 3, "--config", "c64", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    result = outcome.json
    assert (result["n"], result["right"], result["exact"], result["config"]) == (3, 3, True, "c64")
    assert result["cycles"] > 0


def test_demo_without_a_compiler_takes_the_slow_simulator(celosia, monkeypatch):
    monkeypatch.setattr(module, "available", lambda: ["functional", "pysim"])
    monkeypatch.setattr(module, "unavailable", lambda: {"verilator": "there is no C++ compiler"})
    opened = []

    def execute(self, on, wave=None):
        opened.append((on, self.program.config.name, len(self.batch.inferences)))
        execute_really(self, "functional")

    execute_really = module.Job.execute
    monkeypatch.setattr(module.Job, "execute", execute)
    outcome = celosia("demo")
    assert opened == [("pysim", "c64", 2)]
    assert "there is no C++ compiler" in outcome.err
    assert outcome.status == 0


def test_a_wrong_bit_ends_with_1(celosia, monkeypatch):
    monkeypatch.setattr("celosia.cli.job.golden.run", lambda graph, inputs: [np.zeros((1, 10), np.int8)])
    outcome = celosia("demo", "--on", "functional", "--count", 1)
    assert outcome.status == 1
    assert "bits differ" in outcome.out


GREYS = np.array([[0, 255], [128, 50]])


def test_pictures_in_colour_are_half_blocks():
    (line,) = picture(GREYS, color=True)
    assert line.plain == "▀▀"
    assert [str(span.style) for span in line.spans] == ["#000000 on #808080", "#ffffff on #323232"]


@pytest.mark.parametrize(("unicode", "lines"), [(True, ["  ██", "▒▒  "]), (False, ["  @@", "++  "])])
def test_pictures_without_colour_are_shades(unicode, lines):
    assert [line.plain for line in picture(GREYS, color=False, unicode=unicode)] == lines
    if not unicode:
        assert [line.plain for line in picture(GREYS, color=True, unicode=False)] == lines
