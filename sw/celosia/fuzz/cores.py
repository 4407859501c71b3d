# SPDX-License-Identifier: Apache-2.0
"""Random cores, and random memories behind them."""

import random

from hypothesis import strategies as st

from celosia.arch.config import Config
from celosia.sim import MemoryModel

__all__ = ["memories", "random_config"]

EXTERNAL = 1 << 20
"""Bytes of external memory; networks need far less."""


def random_config(rng: random.Random) -> Config:
    """A core of any shape, small enough to be built and simulated in seconds."""
    rows, columns = rng.choice([2, 3, 4, 4, 6, 8, 8, 8, 12, 12, 16]), rng.choice([2, 4, 4, 6, 8, 8, 10, 16])
    fewer = [n for n in range(1, columns) if columns % n == 0]
    lanes = columns if rng.random() < 0.7 else rng.choice(fewer)  # most have a depthwise mode
    shape = Config(
        rows=rows,
        columns=columns,
        lanes=lanes,
        weight_rows=rng.choice([n for n in (1, 2, 3, 4) if rows % n == 0]),
        line_steps=rng.choice([16, 31, 64]),
        accumulators=rng.choice([16, 50, 64, 256]),
        parameter_records=rng.choice([128, 333]),
        program_commands=rng.choice([32, 100]),
        bus_bits=rng.choice([32, 64]),
        address_bits=rng.choice([24, 32]),
        depthwise=rng.random() < 0.9,
        elementwise=rng.random() < 0.9,
        external=rng.random() < 0.9,
        overlap=rng.random() < 0.8,
    )
    few = shape.external and rng.random() < 0.4  # what does not fit is streamed
    return shape.replace(
        weight_bytes=shape.weight_word_bytes * rng.choice([64, 150, 400] if few else [1024, 1500, 4096]),
        activation_bytes=shape.line_bytes * rng.choice([20, 64, 150] if few else [512, 600, 1024]),
    )


memories = st.one_of(
    st.just(MemoryModel(size=EXTERNAL)),
    st.builds(
        MemoryModel,
        size=st.just(EXTERNAL),
        latency=st.integers(1, 60),
        gap=st.integers(0, 3),
        stall=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
        seed=st.integers(0, 255),
    ),
)
"""An ideal memory, or a slow and moody one."""
