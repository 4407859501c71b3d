# SPDX-License-Identifier: Apache-2.0
"""Tilings: rows of strips, what is refused and how it is called, rings, chapters, and how good the search is."""

import dataclasses
from itertools import combinations, pairwise

import numpy as np
import pytest

from celosia.arch.config import PRESETS, Config
from celosia.arch.isa import Engine
from celosia.arch.timing import ExternalTiming
from celosia.compiler import CompileError, TilingError, compile, strategy_names
from celosia.compiler.passes.schedule import AHEAD
from celosia.compiler.streaming import Network, Order, Stage, Tiling, memo, named, names, network_of, strategies
from celosia.compiler.streaming.legal import check
from celosia.compiler.streaming.order import chapters, closed
from celosia.compiler.streaming.search import Search
from celosia.compiler.streaming.storage import Ring
from celosia.compiler.streaming.strategies import BUILT_IN
from celosia.compiler.streaming.strips import strips
from celosia.compiler.streaming.variants import heights, splits, variants
from celosia.fuzz.builder import Builder
from celosia.model import Graph
from support.shared import SMALL, model

CORE = Config(
    name="little", weight_bytes=16 << 10, activation_bytes=8 << 10, parameter_records=128, program_commands=128
)
TIMING = ExternalTiming(latency=30)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(memo, "_path", lambda network: tmp_path / f"{memo._key(network)}.json")


def block(size: int = 24) -> Graph:
    """Layers 0 to 4: a convolution, then expansion, depthwise with stride 1, projection, and the residual ADD."""
    b = Builder(np.random.default_rng(3))
    x = b.conv(b.input(1, size, size, 8), 16, (3, 3), padding="SAME")
    y = b.conv(b.depthwise(b.conv(x, 64), padding="SAME"), 16)
    return b.output(b.add(x, y))


def network(config: Config = CORE, size: int = 24) -> Network:
    return network_of(block(size), config, TIMING)


def test_strips_of_a_block():
    net = network()
    x, y = net.layers[0].output, net.layers[4].output
    first, second, third = strips(net, Stage(layers=(1, 2, 3, 4), height=8))
    assert first.made == {1: (0, 9), 2: (0, 8), 3: (0, 8), 4: (0, 8)}
    assert second.made == {1: (7, 17), 2: (8, 16), 3: (8, 16), 4: (8, 16)}
    assert third.made[1] == (15, 24)
    assert [s.read for s in (first, second, third)] == [{x: (0, 9)}, {x: (7, 17)}, {x: (15, 24)}]
    assert [s.stored for s in (first, second, third)] == [{y: (0, 8)}, {y: (8, 16)}, {y: (16, 24)}]


def test_what_outlives_a_stage_is_completed_by_its_strips():
    net = network()
    x = net.layers[0].output
    parts = [strip.stored[x] for strip in strips(net, Stage(layers=(0, 1), height=6))]
    assert parts == [(0, 6), (6, 12), (12, 18), (18, 24)]


WHOLE = tuple(Stage(layers=(number,), height=2, doubled=False) for number in range(5))


@pytest.mark.parametrize(
    ("stages", "resident", "why"),
    [
        (WHOLE[:-1], (), r"uncovered layers: the stages hold layers \[0, 1, 2, 3\]"),
        (WHOLE[::-1], (), "uncovered layers"),
        (
            (dataclasses.replace(WHOLE[0], height=25), *WHOLE[1:]),
            (),
            "illegal tile: a strip of 25 rows, of a layer that",
        ),
        ((dataclasses.replace(WHOLE[0], height=0), *WHOLE[1:]), (), "illegal tile: a strip of 0 rows"),
        ((dataclasses.replace(WHOLE[0], split=16), *WHOLE[1:]), (), "illegal split: no layer in it is followed by"),
        (
            (WHOLE[0], Stage(layers=(1, 2), height=2, split=8), *WHOLE[3:]),
            (),
            "illegal tile: a split of 8 channels, which is no multiple of 16",
        ),
        (
            (WHOLE[0], Stage(layers=(1, 2), height=2, order=Order.WEIGHTS), *WHOLE[3:]),
            (),
            "illegal order: WEIGHTS is for one layer on the array",
        ),
        (
            (dataclasses.replace(WHOLE[0], height=24), *WHOLE[1:]),
            (),
            "out of activation memory: its buffers and resident",
        ),
        (WHOLE, ("input",), "resident input: value 0 is not made on the machine"),
        ((WHOLE[0], Stage(layers=(1, 2, 3, 4), height=1)), ("inside",), "resident inside a stage"),
        (WHOLE, ("all",), "out of activation memory"),
    ],
)
def test_illegal_tilings_are_refused_by_name(stages, resident, why):
    net = network()
    values = {
        "input": [net.layers[0].input],  # type: ignore[union-attr] # a convolution
        "inside": [net.layers[1].output],
        "all": [net.layers[number].output for number in range(4)],
    }
    tiling = Tiling(stages=tuple(stages), resident=frozenset(v for name in resident for v in values[name]))

    class Mistaken:
        def choose(self, network: Network) -> Tiling:
            return tiling

    with pytest.raises(TilingError, match=f"^strategy Mistaken made an illegal tiling of network: .*{why}"):
        compile(block(), CORE, memory="external", strategy=Mistaken())


def test_names():
    assert strategy_names()[-len(names()) :] == names()
    with pytest.raises(CompileError, match=r"no strategy is called 'best'; choose one of largest, .*search"):
        compile(block(), CORE, memory="external", strategy="best")
    with pytest.raises(CompileError, match="search streams from external memory: compile with memory='external'"):
        compile(block(), CORE, strategy="search")
    with pytest.raises(CompileError, match=r"has no external memory \(external=False\)"):
        compile(block(), CORE.replace(external=False), memory="external", strategy="search")
    b = Builder(np.random.default_rng(5))
    alone = b.output(b.conv(b.input(1, 513, 4, 1), 1, (1, 2), stride_h=256))
    with pytest.raises(CompileError, match="no operator of it can run on c256: celosia check says why"):
        compile(alone, PRESETS["c256"], memory="external", strategy="search")


def test_entry_points(monkeypatch):
    class Point:
        name, value = "mine", "package:strategy"

        def __init__(self, found):
            self.found = found

        def load(self):
            if isinstance(self.found, Exception):
                raise self.found
            return self.found

    def there(found):
        monkeypatch.setattr(
            strategies, "entry_points", lambda group, name="mine": [Point(found)] if name == "mine" else []
        )

    there(strategies.DepthFirst)
    assert named("mine") == strategies.DepthFirst()
    assert names()[-1] == "mine"
    there(strategies.DepthFirst(longest=2))
    assert compile(block(), CORE, memory="external", strategy="mine").strategy == "mine"
    there(ImportError("no such module"))
    with pytest.raises(TilingError, match="strategy mine: package:strategy cannot be used: no such module"):
        named("mine")
    there(object())
    with pytest.raises(TilingError, match=r"has no method choose\(network\)"):
        named("mine")


def test_a_ring_loads_what_is_not_there():
    ring = Ring(10)
    assert [ring.place(key, 4) for key in "abab"] == [(0, True), (4, True), (0, False), (4, False)]
    assert ring.place("c", 4) == (0, True)  # over a
    assert ring.place("b", 4) == (4, False)
    assert ring.place("a", 4) == (4, True)  # over b
    ring.gather(8)
    assert ring.place("d", 4) == (0, True)


def test_chapters_count_their_own_commands():
    net = network()
    commands = net.streamed(named("output-strips").choose(net)).spans[0]
    parts = chapters(commands, 4)
    assert [c.fields for part in parts for c in part] == [c.fields for c in commands]
    for part in parts:
        end = closed(part, 4, None)[-1]
        counts = {engine: sum(c.engine is engine for c in part) for engine in Engine}
        assert end.waits == {engine: max(0, count - AHEAD) for engine, count in counts.items()}  # by itself for all
        issued = dict.fromkeys(Engine, 0)
        for command in part:
            assert all(0 <= count <= issued[engine] for engine, count in command.waits.items())
            assert command.engine is not None
            issued[command.engine] += 1


def test_what_was_found_is_remembered(monkeypatch):
    net = network()
    found = Search(BUILT_IN).choose(net)
    monkeypatch.setattr(Search, "best", None)  # not called again
    assert Search(BUILT_IN).choose(network()) == found
    with pytest.raises(TypeError):
        Search(BUILT_IN).choose(network(size=22))


def test_damaged_memories_are_forgotten(tmp_path):
    net = network()
    tiling = Tiling(stages=WHOLE, resident=frozenset({net.layers[2].output}))
    assert memo.remember(net, tiling) == memo.remembered(network()) == tiling
    (path,) = tmp_path.glob("*.json")
    for text in ("", "{}", '{"stages": [[[0], 1, 0, "NONE", true]], "resident": []}'):
        path.write_text(text)
        assert memo.remembered(network()) is None


@pytest.mark.parametrize("gap", [0, 7])
@pytest.mark.parametrize("name", [name for name in SMALL if name != "tflm_hello_world_int8"])
def test_search_is_never_worse_than_a_fixed_strategy(name, gap):
    timing = ExternalTiming(latency=30, gap=gap)
    net = network_of(model(name), PRESETS["c256-small"], timing)
    best = net.streamed(named("search").choose(net)).predicted
    assert best <= min(net.streamed(strategy.choose(net)).predicted for strategy in BUILT_IN.values())


def everything(net: Network) -> int:
    """The fewest predicted cycles of all tilings of a small network, of the stages that fit the empty memory."""
    layers = net.spans[0]
    best = 1 << 60
    cuts = [c for count in range(len(layers)) for c in combinations(range(1, len(layers)), count)]
    for cut in cuts:
        edges = (0, *cut, len(layers))
        groups = [layers[a:b] for a, b in pairwise(edges)]
        options = [list(variants(net.costs, group, CORE.activation_lines, frozenset())) for group in groups]
        if not all(options):
            continue
        chosen = [min(range(len(o)), key=lambda i, o=o: _alone(net, o[i])) for o in options]
        stages = tuple(o[i] for o, i in zip(options, chosen, strict=True))
        for resident in _subsets({net.layers[group[-1]].output for group in groups[:-1]}):
            tiling = Tiling(stages=stages, resident=resident)
            if not any(check(net, tiling)):
                best = min(best, net.streamed(tiling).predicted)
    return best


def _alone(net: Network, stage: Stage) -> float:
    return net.costs.estimate(stage, frozenset(), {net.layers[stage.layers[-1]].output}).cycles


def _subsets(values: set[int]) -> list[frozenset[int]]:
    return [frozenset(c) for count in range(len(values) + 1) for c in combinations(sorted(values), count)]


@pytest.mark.parametrize("size", [14, 20, 24])
def test_search_is_near_the_best_of_all_tilings(size):
    net = network(size=size)
    found = net.streamed(named("search").choose(net)).predicted
    assert found <= 1.05 * everything(net)


def test_choices_of_the_search():
    assert heights(1) == [1]
    assert heights(12) == [12, 6, 4, 3, 2, 1]
    net = network()
    assert splits(net, (0, 1)) == [0]
    assert splits(net, (1, 2, 3)) == [0, 32, 16]
    assert all(stage.height <= 24 for stage in variants(net.costs, (1, 2, 3), CORE.activation_lines, frozenset()))
