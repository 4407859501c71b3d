# SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import pytest

from .configurations import CONFIGURATIONS

BENCHES = sorted(path.stem for path in (Path(__file__).parent / "benches").glob("*.py"))
SEEDS = range(int(os.environ.get("CELOSIA_COSIM_SEEDS", "1")))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
@pytest.mark.parametrize("bench", BENCHES)
def test_bench(cosimulate, bench, configuration, seed):
    cosimulate(bench, configuration, seed)
