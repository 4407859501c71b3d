# SPDX-License-Identifier: Apache-2.0
"""What is swept."""

import pytest

from celosia.arch.config import ConfigError, preset
from celosia.arch.timing import ExternalTiming
from celosia.cli.configuration import parse_config
from celosia.explore import space
from celosia.explore.errors import ExploreError


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("c64", ["c64"]),
        ("", [""]),
        ("c16/c64", ["c16", "c64"]),
        ("rows=4/8,columns=16", ["rows=4,columns=16", "rows=8,columns=16"]),
        ("c64, rows = 4 / 8 ,lanes=1/2", ["c64,rows=4,lanes=1", "c64,rows=4,lanes=2", "c64,rows=8,lanes=1",
                                          "c64,rows=8,lanes=2"]),
        ("latency=30,width=16/64", ["latency=30,width=16", "latency=30,width=64"]),
    ],
)  # fmt: skip
def test_alternatives(text, meant):
    assert space.alternatives(text) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rows=4//8", "an alternative is empty"),
        ("rows=4/", "an alternative is empty"),
        (",".join(f"f{i}=1/2/3/4" for i in range(9)), "stands for 262,144 alternatives"),
    ],
)
def test_alternatives_that_are_none(text, why):
    with pytest.raises(ExploreError, match=why):
        space.alternatives(text)


def test_equal_cores_count_once_however_they_are_written():
    found = space.cores(["c256/c64", "rows=8/16,columns=8"], parse_config)
    assert [core.text for core in found] == ["c256", "c64", "rows=16,columns=8"]
    assert found[0].config == preset("c256")


def test_a_core_that_cannot_be_built_is_kept_with_its_reason():
    able, unable = space.cores(["lanes=4/5"], parse_config)
    assert able.config is not None
    assert unable.config is None
    assert "lanes must be a divisor of columns (16), not 5" in unable.why


def test_a_text_of_which_nothing_can_be_built_is_wrong():
    with pytest.raises(ConfigError, match="neither a preset"):
        space.cores(["c64", "rowz=4/8"], parse_config)


def test_strategies():
    assert space.strategies(None) == ["best"]
    assert space.strategies("search, best,search") == ["search", "best"]
    assert space.strategies("mapping:a.yaml") == ["mapping:a.yaml"]
    with pytest.raises(ExploreError, match="no strategy is called 'fastest'; choose from best, largest"):
        space.strategies("fastest")


def test_points_are_all_combinations():
    networks = [space.Network("a", "1"), space.Network("b", "2")]
    cores = space.cores(["c16/c64", "lanes=16/3"], parse_config)
    timing = ExternalTiming(latency=9)
    points = space.points(networks, cores, ["m", space.LOCAL], ["best", "search"], lambda memory, config: timing)
    assert len(points) == len({point.key for point in points}) == 2 * 4 * 2 * 2
    assert all((point.timing is timing) == (point.memory == "m" and not point.why) for point in points)
    assert {point.core.text for point in points if point.why} == {"lanes=3"}


def test_a_memory_that_goes_with_some_cores_only():
    def timing(memory, config):
        if config.bus_bits == 32:
            raise ValueError("too wide")
        return ExternalTiming()

    cores = space.cores(["c16/c64"], parse_config)
    narrow, wide = space.points([space.Network("a", "1")], cores, ["m"], ["best"], timing)
    assert (narrow.why, wide.why) == ("too wide", "")
    with pytest.raises(ExploreError, match="too wide"):
        space.points([space.Network("a", "1")], cores[:1], ["m"], ["best"], timing)
