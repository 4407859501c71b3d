# SPDX-License-Identifier: Apache-2.0
"""The table of layers, in terminals of any width."""

import io

import pytest
from rich.console import Console

from celosia.cli.table import layer_table, summary
from celosia.runtime import Layer, Result


def layer(name, op, place, cycles, macs):
    utilization = macs / (256 * cycles) if cycles else 0.0
    seconds = 0.0012 if place == "host" else 0.0
    values = {"predicted": cycles or 0, "macs": macs, "utilization": utilization, "seconds": seconds}
    return Layer(name=name, op=op, place=place, cycles=cycles, **values)


@pytest.fixture
def result():
    layers = [
        layer("a/very/long/name/that/somebody/gave/a/layer", "DEPTHWISE_CONV_2D", "array", 1_234_567, 147_456_000),
        layer("sum", "ADD", "lanes", None, 0),
        layer("scores", "SOFTMAX", "host", 0, 0),
    ]
    values = {"cycles": 1_300_000, "predicted": 1_299_999, "macs": 147_456_000, "utilization": 0.44, "seconds": 0.0012}
    return Result(outputs=[], inferences=1, layers=layers, **values)


def printed(result, width, encoding="utf-8"):
    console = Console(file=io.TextIOWrapper(io.BytesIO(), encoding), width=width)
    table = layer_table(console, result)
    with console.capture() as capture:
        console.print(table)
    return [line.rstrip() for line in capture.get().splitlines()]


def test_everything_is_there_when_there_is_room(result):
    lines = printed(result, 120)
    assert lines[0].split() == ["layer", "operator", "place", "cycles", "predicted", "MACs", "utilization"]
    assert lines[1].split()[1:6] == ["DEPTHWISE_CONV_2D", "array", "1,234,567", "1,234,567", "147,456,000"]
    assert lines[1].endswith("━━━━━╌╌╌╌╌  47%")
    assert lines[2].split() == ["sum", "ADD", "lanes", "?", "0"]
    assert lines[3].split() == ["scores", "SOFTMAX", "host", "1.2", "ms"]
    assert lines[4].split()[3:6] == ["1,300,000", "1,299,999", "147,456,000"]


@pytest.mark.parametrize("width", [72, 80, 90])
def test_names_give_way_when_there_is_little(result, width):
    lines = printed(result, width)
    assert max(len(line) for line in lines) <= width
    assert lines[1].split()[1:5] == ["DEPTHWISE_CONV_2D", "array", "1,234,567", "1,234,567"]
    assert lines[1].endswith(" 47%")


def test_ascii(result):
    assert printed(result, 120, "ascii")[1].endswith("=====.....  47%")


def test_summary_has_no_outputs(result):
    assert list(summary(result)) == ["cycles", "predicted", "macs", "utilization", "seconds", "layers"]
    assert summary(result)["layers"][1]["cycles"] is None
