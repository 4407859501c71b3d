# SPDX-License-Identifier: Apache-2.0
import itertools

import pytest

from celosia.sim import MemoryModel, SimulatorError
from celosia.sim.memory import Stalls


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": 1000},
        {"size": 0},
        {"latency": 0},
        {"gap": -1},
        {"stall": 1.0},
        {"stall": -0.1},
        {"seed": -1},
        {"errors": range(0, 8, 2)},
    ],
)
def test_bounds_are_checked(wrong):
    (field,) = wrong
    with pytest.raises(SimulatorError, match=f"^external memory: {field} must be .+, not .+$"):
        MemoryModel(**wrong)


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.9])
def test_stalls_are_as_probable_as_asked(probability):
    stalls = Stalls(MemoryModel(stall=probability, seed=3))
    for channel in zip(*(stalls.draw() for _ in range(4000)), strict=True):
        assert sum(channel) / 4000 == pytest.approx(probability, abs=0.03)


def test_stalls_follow_the_seed():
    def draws(seed):
        stalls = Stalls(MemoryModel(stall=0.5, seed=seed))
        return [stalls.draw() for _ in range(50)]

    assert draws(5) == draws(5)
    for one, other in itertools.combinations([0, 1, 2, 0x9E3779B97F4A7C15], 2):
        assert draws(one) != draws(other)
