# SPDX-License-Identifier: Apache-2.0
"""`celosia bench tiling`: figures, bounds, pictures, and what it refuses."""

import numpy as np
import pytest

from celosia import compiler
from celosia.arch.config import Config
from celosia.arch.isa import Engine
from celosia.arch.timing import ExternalTiming
from celosia.bench import BenchError
from celosia.bench.tiling import bounds, figures, timeline
from celosia.bench.tiling_plot import plot_tilings
from celosia.compiler.streaming import names
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.model.tflite_writer import save

CORE = "c256-small,weight_bytes=8192,activation_bytes=4096,parameter_records=64"
LITTLE = Config(name="l", weight_bytes=8 << 10, activation_bytes=4 << 10, parameter_records=64, program_commands=256)
TIMING = ExternalTiming(latency=30)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    import celosia.compiler.streaming.memo as memo

    monkeypatch.setattr(memo, "_path", lambda network: tmp_path / f"{memo._key(network)}.json")


def network() -> Graph:
    b = Builder(np.random.default_rng(4))
    x = b.conv(b.input(1, 16, 16, 8), 32, (3, 3), padding="SAME")
    return b.output(b.conv(b.depthwise(x, padding="SAME"), 8))


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "network.tflite"
    save(network(), file)
    return file


def test_bounds():
    graph = network()
    program = compiler.compile(graph, LITTLE, memory="external", strategy="output-strips", timing=TIMING)
    bound = bounds(graph, program, TIMING)
    assert bound.weights == 9 * 8 * 32 + 9 * 32 + 32 * 8 + 4 * (32 + 32 + 8)
    assert bound.ends == 16 * 16 * 16
    assert bound.intermediate == 2 * 2 * 16 * 16 * 32
    assert bound.compute == graph_macs(graph) / 256
    assert bound.bus == -(-bound.traffic // 8)
    assert bound.cycles == bound.bus
    assert bounds(graph, program, ExternalTiming(gap=1)).bus == -(-bound.traffic // 4)


def graph_macs(graph: Graph) -> int:
    return sum(graph.macs(op) for op in graph.ops)


def test_figures_add_up():
    program = compiler.compile(network(), LITTLE, memory="external", strategy="depth-first", timing=TIMING)
    spans = timeline(program, TIMING)
    row = figures(program, spans, 0.5)
    assert row.bytes == sum(program.traffic.values()) == sum(row.layer_bytes.values())
    assert max(span.finish for span in spans) < program.predicted
    assert sum(row.layer_cycles.values()) <= program.predicted
    assert 0 < row.overlap <= 1
    assert row.commands == len(spans) + row.starts
    for engine in Engine:
        mine = [span for span in spans if span.engine is engine]
        assert [s.finish for s in mine] == sorted(s.finish for s in mine)


def test_command(bench, path):
    outcome = bench("tiling", path, "--config", CORE, "--on", "functional", "--json")
    result = outcome.json
    assert outcome.status == 0
    assert [row["strategy"] for row in result["strategies"]] == list(names())
    assert all(row["exact"] and row["cycles"] == row["predicted"] for row in result["strategies"])
    best = min(row["predicted"] for row in result["strategies"])
    assert next(row for row in result["strategies"] if row["strategy"] == "search")["predicted"] == best
    assert result["bounds"]["cycles"] == max(result["bounds"]["compute"], result["bounds"]["bus"])


def test_table_and_picture(bench, path, tmp_path):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib: pip install 'celosia[plot]'")
    picture = tmp_path / "race.svg"
    outcome = bench("tiling", path, "--config", CORE, "--strategies", "depth-first,output-strips", "--plot", picture)
    assert outcome.status == 0
    for word in ("depth-first", "output-strips", "bound", "spilled", "hidden"):
        assert word in outcome.out
    assert picture.read_bytes().startswith(b"<?xml")


def test_refusals(bench, path, tmp_path):
    complaint = bench("tiling", path, "--strategies", "fastest").complaint()
    assert "no strategy that streams is called 'fastest'; choose from weight-stationary" in complaint
    complaint = bench("tiling", path, "--memory", "width=24").complaint()
    assert "width must divide the bus's 64 bits, not be 24" in complaint
    complaint = bench("tiling", path, "--config", "c256,activation_bytes=32").complaint()
    assert "bytes of activation memory for one row, and there are 32" in complaint
    program = compiler.compile(network(), LITTLE, memory="external", strategy="search", timing=TIMING)
    spans = timeline(program, TIMING)
    row = figures(program, spans, 0.0)
    bound = bounds(network(), program, TIMING)
    with pytest.raises(BenchError, match=r"must end in \.png, \.svg, \.pdf"):
        plot_tilings("n", network(), [row], bound, (row, spans), 256, 8, tmp_path / "x.gif")
