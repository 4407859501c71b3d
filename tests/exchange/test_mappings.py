# SPDX-License-Identifier: Apache-2.0
"""Mappings that Celosia writes say what it does, and come back as the same tiling; what it cannot do is refused."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import PRESETS, Config
from celosia.arch.timing import ExternalTiming
from celosia.compiler import TilingError, compile
from celosia.compiler.streaming import Network, Order, Stage, Tiling, named, network_of, refuse
from celosia.exchange import ExchangeError, workload_of
from celosia.exchange.files import EVEN, export_mapped
from celosia.exchange.nests import LAYERWISE, even_tiling, part_count
from celosia.exchange.strategy import Mapped
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from exchange.drawn import every_kind, wide

TIMING = ExternalTiming(latency=30)
SMALL = Config(name="small", weight_bytes=8 << 10, activation_bytes=4 << 10, parameter_records=96, accumulators=64)


def folder(path: Path, graph: Graph, form: str, config: Config, strategy: str | None) -> tuple[str, str]:
    """Export a mapping; what names it as a strategy, and the strategy it is of."""
    files, name = export_mapped(graph, form, config, TIMING, strategy)
    for file, text in files.items():
        (path / file).write_text(text)
    return str(path if form == "timeloop" else path / "mapping.yaml"), name


def normal(network: Network, tiling: Tiling) -> list[Stage]:
    """The stages of layers that multiply; where weights are one part, all orders are one."""
    numbers = {layer.op for layer in workload_of(network.module.graph) if layer.multiplies}
    stages = [stage for stage in tiling.stages if stage.layers[0] in numbers]
    return [
        replace(stage, order=Order.STRIPS) if part_count(network, stage.layers[0]) == 1 else stage for stage in stages
    ]


LOSSY = ("wide", "weight-stationary", "small")
"""A depthwise layer would load all channels for each part of its weights."""

CASES = [
    (name, strategy, config)
    for name in ("every kind", "wide")
    for strategy in (*LAYERWISE, None)
    for config in (SMALL, PRESETS["c16"], PRESETS["c256-small"])
    if (name, strategy, config.name) != LOSSY
]


@pytest.mark.parametrize(("name", "strategy", "config"), CASES, ids=lambda value: getattr(value, "name", str(value)))
def test_a_timeloop_mapping_comes_back_as_the_same_tiling(tmp_path, name, strategy, config):
    graph = wide() if name == "wide" else every_kind()
    path, name = folder(tmp_path, graph, "timeloop", config, strategy)
    network = network_of(graph, config, TIMING)
    found = Mapped(path).choose(network)
    refuse(network, found, "mapping")
    assert normal(network, found) == normal(network, named(name).choose(network))


def test_a_zigzag_mapping_has_even_strips_and_comes_back(tmp_path):
    graph = wide()
    path, name = folder(tmp_path, graph, "zigzag", SMALL, None)
    network = network_of(graph, SMALL, TIMING)
    found = Mapped(path).choose(network)
    assert name == EVEN
    assert normal(network, found) == normal(network, even_tiling(network))
    assert max(12 // stage.height for stage in found.stages) > 1


@pytest.mark.parametrize("form", ["timeloop", "zigzag"])
@pytest.mark.parametrize("turned", [False, True])
def test_images_of_one_column_or_row(tmp_path, form, turned):
    """The core may have them with rows and columns the other way round: its strips are of what has the rows."""
    shape = (1, 1, 40, 40) if turned else (1, 40, 1, 40)
    kernel = (1, 3) if turned else (3, 1)
    b = Builder(np.random.default_rng(0))
    graph = b.output(b.conv(b.depthwise(b.input(*shape), kernel=kernel), 64, kernel))
    path, _ = folder(tmp_path, graph, form, SMALL, "output-strips" if form == "timeloop" else None)
    network = network_of(graph, SMALL, TIMING)
    wanted = named("output-strips").choose(network) if form == "timeloop" else even_tiling(network)
    assert normal(network, Mapped(path).choose(network)) == normal(network, wanted)


def test_the_best_strategy_is_exported(tmp_path):
    graph = wide()
    path, name = folder(tmp_path, graph, "timeloop", SMALL, None)
    mapped = compile(graph, SMALL, memory="external", strategy=f"mapping:{path}", timing=TIMING)
    each = {
        other: compile(graph, SMALL, memory="external", strategy=other, timing=TIMING).predicted for other in LAYERWISE
    }
    assert mapped.strategy == f"mapping:{path}"
    assert mapped.predicted <= each[name] <= min(each["output-strips"], each["activation-stationary"])


@given(st.integers(1, 90), st.integers(1, 90), st.integers(3, 14), st.sampled_from(LAYERWISE), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_loops_of_a_timeloop_mapping_make_what_the_problem_has(channels, filters, size, strategy, kernel):
    b = Builder(np.random.default_rng(0))
    x = b.conv(b.input(1, size, size, channels), filters, (kernel, kernel), padding="SAME")
    graph = b.output(b.depthwise(x, padding="SAME", stride_h=2, stride_w=2))
    files, _ = export_mapped(graph, "timeloop", SMALL, TIMING, strategy)
    mapped = [text for text in files.values() if "mapping:" in text]
    assert mapped
    for text in mapped:
        instance = dict(re.findall(r"([A-Z]): (\d+)", text[text.index("instance") :]))
        factors = re.findall(r"factors: (.*)", text)
        loops = [
            {d: (int(n), int(last or n)) for d, n, last in re.findall(r"(\w)=(\d+)(?:,(\d+))?", f)} for f in factors
        ]
        for dim, size_ in instance.items():
            whole = rest = 1
            for part in reversed(loops):
                count, last = part[dim]
                assert 1 <= last <= count
                whole, rest = whole * count, (last - 1) * whole + rest
            assert rest == int(size_)


# --- refusals ---


def conv_mapping(dram: str = "Q=3 M=1", order: str = "MQ", local: str = "M=6", below: str = "Q=4 M=1") -> str:
    """A mapping of the first layer of `wide`: 12 rows and columns, 32 channels, 64 filters, a window of 3x3."""
    rest = "C=1 R=1 S=1 N=1 P=1"
    return f"""
mapping:
- {{target: DRAM, type: temporal, factors: {dram} {rest}, permutation: {order}CRSNP}}
- {{target: Activations, type: temporal, factors: {local} Q=1 {rest}, permutation: MQCRSNP}}
- {{target: Activations, type: bypass, keep: [Inputs, Outputs], bypass: [Weights]}}
- {{target: WeightMemory, type: temporal, factors: {below} C=2 R=3 S=3 N=1 P=12, permutation: PQRSCMN}}
- {{target: WeightMemory, type: spatial, factors: M=16 C=16 R=1 S=1 Q=1 P=1 N=1, permutation: MCRSQPN, split: 1}}
"""


def refusal(path: Path, mapping: str, replacing: tuple[str, str] = ("", "")) -> str:
    """Why a mapping of the first layer of `wide` is refused."""
    folder(path, wide(), "timeloop", SMALL, "output-strips")
    first = path / "000_op0.yaml"
    text = first.read_text()
    first.write_text((text[: text.index("# Strips")] + mapping).replace(*replacing, 1))
    with pytest.raises((TilingError, ExchangeError)) as error:
        compile(wide(), SMALL, memory="external", strategy=f"mapping:{path}", timing=TIMING)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_the_facts_that_refusals_are_about():
    network = network_of(wide(), SMALL, TIMING)
    assert part_count(network, 0) == 4
    assert network.made(0) == 12


def test_a_legal_mapping_by_hand(tmp_path):
    folder(tmp_path, wide(), "timeloop", SMALL, "output-strips")
    first = tmp_path / "000_op0.yaml"
    text = first.read_text()
    first.write_text(text[: text.index("# Strips")] + conv_mapping("Q=6 M=1", local="M=4", below="Q=2 M=1"))
    stage = Mapped(str(tmp_path)).choose(network_of(wide(), SMALL, TIMING)).stages[0]
    assert (stage.height, stage.order) == (2, Order.STRIPS)
    first.write_text(text[: text.index("# Strips")] + conv_mapping("Q=6 M=4", "QM", "M=1", "Q=2 M=1"))
    stage = Mapped(str(tmp_path)).choose(network_of(wide(), SMALL, TIMING)).stages[0]
    assert (stage.height, stage.order) == (2, Order.WEIGHTS)
    first.write_text(text[: text.index("# Strips")] + conv_mapping("Q=6 M=4", "MQ", "M=1", "Q=2 M=1"))
    stage = Mapped(str(tmp_path)).choose(network_of(wide(), SMALL, TIMING)).stages[0]
    assert (stage.height, stage.order) == (2, Order.STORED_BY_PART)


@pytest.mark.parametrize(
    ("mapping", "what"),
    [
        (
            conv_mapping("Q=1 M=1", local="M=4", below="Q=12 M=1"),
            r"a strip of 12 rows does not fit 4096 .*: at most 2 do",
        ),
        (
            conv_mapping("Q=6 M=2", local="M=1", below="Q=2 M=2"),
            r"2 sets of filters, .* are cut into 4: make the loop 4",
        ),
        (
            conv_mapping("Q=6 M=1", local="M=2", below="Q=2 M=2"),
            r"2 sets of filters, .* are cut into 4: make the loop 4",
        ),
        (
            conv_mapping("Q=6 M=1", local="M=1", below="Q=2 M=4"),
            r"weights stay for 6 strips, .*: stream them in 4 parts",
        ),
        (conv_mapping("Q=6 M=1", local="M=4", below="Q=1 M=1"), r"the loops over Q make 6, and the problem has Q: 12"),
    ],
)
def test_tiles_that_are_refused(tmp_path, mapping, what):
    message = refusal(tmp_path, mapping)
    assert re.search(what, message), message
    assert "000_op0.yaml, line" in message


@pytest.mark.parametrize(
    ("replacing", "what"),
    [
        (("M=1 C=1", "M=1 C=2"), r"a loop over channels outside the core: sums never leave"),
        (("M=16 C=16", "M=64 C=4"), r"64 of the loops over filters on the array's columns; small has 16"),
        (("C=2 R=3 S=3 N=1 P=12", "C=2 R=3 S=3 N=1 P=6"), r"the loops over P make 6"),
        (("target: DRAM", "target: Cloud"), r"one target must be DRAM or MainMemory"),
        (("type: spatial", "type: spacial"), r"key 'type': must be temporal, spatial or bypass"),
        (("permutation: MQ", "permutation: MZ"), r"key 'permutation': .* must be an order of"),
        (("factors: Q=6", "factors: Z=6"), r"key 'factors': Z=6 is no loop of the problem's"),
    ],
)
def test_loops_that_are_refused(tmp_path, replacing, what):
    mapping = conv_mapping("Q=6 M=1", local="M=4", below="Q=2 M=1")
    if replacing[1].startswith("M=1 C=2"):
        mapping = mapping.replace("C=2 R=3", "C=1 R=3")
    if replacing[1].startswith("M=64"):
        mapping = mapping.replace("M=4 Q=1", "M=1 Q=1").replace("C=2 R=3", "C=8 R=3")
    message = refusal(tmp_path, mapping, replacing)
    assert re.search(what, message), message


def test_columns_and_rows_stay_whole(tmp_path):
    mapping = conv_mapping("Q=6 M=1", local="M=4", below="Q=2 M=1")
    mapping = mapping.replace("N=1 P=1", "N=1 P=2", 1)
    message = refusal(tmp_path, mapping.replace("N=1 P=12", "N=1 P=6"))
    assert "a loop over columns outside the core: a strip is whole rows" in message


def test_layers_without_a_mapping(tmp_path):
    folder(tmp_path, wide(), "timeloop", SMALL, None)
    (tmp_path / "001_op1.yaml").unlink()
    with pytest.raises(TilingError, match="layer op1: no mapping is of its shape or name"):
        Mapped(str(tmp_path)).choose(network_of(wide(), SMALL, TIMING))


def test_zigzag_strips_must_be_even(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("- name: default\n  temporal_ordering: [[OX, 12], [OY, 2], [OY, 5]]\n")
    with pytest.raises(TilingError, match=r"5 strips of 12 rows are not even: choose one of 1, 2, 3, 4, 6, 12"):
        Mapped(str(file)).choose(network_of(wide(), SMALL, TIMING))
    file.write_text("- name: default\n  temporal_ordering: [['*', '*'], [OY, '*']]\n")
    assert Mapped(str(file)).choose(network_of(wide(), SMALL, TIMING)) == named("output-strips").choose(
        network_of(wide(), SMALL, TIMING)
    )


def test_what_a_mapping_cannot_say():
    with pytest.raises(ExchangeError, match=r"operators \d to \d go through one strip together.*output-strips"):
        export_mapped(every_kind(), "timeloop", PRESETS["c256-small"], TIMING, "depth-first")
    with pytest.raises(ExchangeError, match=r"are not even, and ZigZag's loops are"):
        export_mapped(wide(size=11), "zigzag", SMALL.replace(activation_bytes=8 << 10), TIMING, "output-strips")
    with pytest.raises(
        ExchangeError, match=r"layer op1: the strategy loads all channels.*choose activation-stationary or"
    ):
        export_mapped(wide(), "timeloop", SMALL, TIMING, "weight-stationary")
    with pytest.raises(ExchangeError, match="SCALE-Sim's topology has no mapping"):
        export_mapped(wide(), "scalesim", SMALL, TIMING, None)
