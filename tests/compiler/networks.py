# SPDX-License-Identifier: Apache-2.0
"""A small quantized network with everything, and the configurations that tests compile networks for."""

import numpy as np

from celosia.arch.config import PRESETS, Config
from celosia.fuzz.builder import Builder
from celosia.model import Graph

SMALL = {
    "weight_bytes": 64 << 10,
    "activation_bytes": 32 << 10,
    "parameter_records": 512,
    "accumulators": 64,
}


def _small(name: str, rows: int, columns: int, lanes: int, **rest: int) -> Config:
    return Config(name=name, rows=rows, columns=columns, lanes=lanes, **{**SMALL, **rest})


CONFIGS = [
    PRESETS["c256"],
    PRESETS["c64"],
    PRESETS["c16"],
    PRESETS["c512"],
    _small("4x8", 4, 8, 8),
    _small("8x4", 8, 4, 4, bus_bits=32),
    _small("12x10", 12, 10, 10, accumulators=50),
    _small("8x8, 2 lanes", 8, 8, 2),
    _small("8x8, 2 weight rows", 8, 8, 8, weight_rows=2),
    _small("6x2, 3 weight rows", 6, 2, 1, weight_rows=3, accumulators=16),
    _small("16x4", 16, 4, 4),
    _small("4x2, bare", 4, 2, 1, weight_rows=1, bus_bits=32, depthwise=False, elementwise=False, external=False),
]
"""Powers of two and not, wide and tall, few lanes, several weight rows, few accumulators, a core without options."""

EXTERNAL = [config for config in CONFIGS if config.external]
"""Those with an external memory."""


def residual(rng: np.random.Generator, size: int = 8, channels: int = 12) -> Graph:
    """A little residual network with everything: a PAD, convolutions, an ADD, host operators, a RESHAPE."""
    b = Builder(rng)
    x = b.input(1, size, size, 3)
    first = b.conv(b.pad(x, 1, 0, 0, 1), channels, (2, 2), activation="RELU")
    second = b.conv(first, channels, (3, 3), padding="SAME")
    total = b.add(first, second, activation="RELU")
    third = b.depthwise(total, padding="SAME", activation="RELU6")
    pooled = b.softmax(b.pool(third, 2))
    flat = b.reshape(pooled, 1, (size // 2) ** 2 * channels)
    return b.output(b.softmax(b.dense(flat, 10)))


def random_input(rng: np.random.Generator, graph: Graph) -> list[np.ndarray]:
    """Random inputs of a graph."""
    return [rng.integers(-128, 128, graph.tensors[i].shape).astype(np.int8) for i in graph.inputs]
