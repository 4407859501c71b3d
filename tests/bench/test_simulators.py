# SPDX-License-Identifier: Apache-2.0
"""The race, and the bare array that one of the contestants is."""

import os

import pytest

from celosia.arch.config import preset
from celosia.bench.bare_array import BareArray
from celosia.bench.race import Burst, Speed, race, ratios
from celosia.bench.simulators import empty_cache
from celosia.sim import MemoryModel
from celosia.sim.pysim import PysimTransport


class Track:
    """Contestants whose bursts take a known time on a clock of their own."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def runner(self, name: str, seconds: float, cycles: int, inferences: int = 0):
        def run() -> Burst:
            self.log.append(name)
            self.now += seconds
            return Burst(cycles, inferences)

        return run


def test_race_takes_turns():
    track = Track()
    contestants = {"a": track.runner("a", 1, 10, 2), "b": track.runner("b", 2, 50)}
    done = []
    speeds = race(contestants, rounds=2, seconds=2, clock=lambda: track.now, progress=done.append)
    assert "".join(track.log) == "ab" + "aab" * 2
    assert speeds == {"a": Speed((10.0, 10.0), (2.0, 2.0)), "b": Speed((25.0, 25.0), (0.0, 0.0))}
    assert done == [1, 2, 3, 4, 5, 6]


def test_the_slow_run_once():
    track = Track()
    contestants = {"a": track.runner("a", 1, 10), "slow": track.runner("s", 9, 90)}
    speeds = race(contestants, rounds=3, seconds=1, clock=lambda: track.now)
    assert "".join(track.log) == "asaaa"
    assert speeds["slow"].cycles_per_second == 10
    with pytest.raises(ValueError, match="rounds must be at least 1, not 0"):
        race(contestants, rounds=0, seconds=1)


def test_ratio_is_of_neighbours():
    assert ratios(Speed((10, 5, 8), ()), Speed((20, 10, 32), ())) == pytest.approx((0.5, 0.5, 0.25))


@pytest.mark.parametrize("config", [preset("c16"), preset("c16").replace(rows=2, columns=2, lanes=1, weight_rows=2)])
def test_bare_array_runs_as_long_as_it_should(config):
    with PysimTransport(config, lambda: BareArray(config, 30), external=MemoryModel(size=4096)) as transport:
        transport.wait()
        assert transport.cycles == 30


def test_empty_cache(monkeypatch):
    monkeypatch.setenv("CELOSIA_CACHE", "mine")
    with empty_cache():
        folder = os.environ["CELOSIA_CACHE"]
        assert os.listdir(folder) == []
    assert os.environ["CELOSIA_CACHE"] == "mine"
    assert not os.path.exists(folder)
