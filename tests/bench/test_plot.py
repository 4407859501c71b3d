# SPDX-License-Identifier: Apache-2.0
"""Pictures: that they are drawn, and what is said where they cannot be."""

import sys

import pytest

from celosia.bench import BenchError
from celosia.bench.plot import FORMATS, check_plot, plot


@pytest.mark.parametrize("ending", FORMATS)
def test_plot(ending, measurement, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'celosia[plot]'")
    config, _, figures = measurement
    path = tmp_path / f"picture{ending}"
    plot([(config, figures), (config, figures)], path)
    start = path.read_bytes()[:100]
    assert {".png": b"PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[ending] in start


def test_the_picture_names_what_it_shows(measurement, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'celosia[plot]'")
    import matplotlib

    config, _, figures = measurement
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        plot([(config, figures)], tmp_path / "picture.svg")
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    for words in (f"digits on c16: {figures.cycles:,} cycles", "16 multipliers", "CONV_2D", "on the host"):
        assert words in text


def test_without_matplotlib_there_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(BenchError, match=r"^pictures need matplotlib: pip install 'celosia\[plot\]'$"):
        check_plot(tmp_path / "x.png")
    with pytest.raises(BenchError, match=r"must end in \.png, \.svg, \.pdf"):
        check_plot(tmp_path / "x.gif")
