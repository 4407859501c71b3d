# SPDX-License-Identifier: Apache-2.0
"""The contents of the weight and parameter memories, as :class:`celosia.arch.isa.Conv` reads them."""

import numpy as np

from celosia.arch.config import Config
from celosia.arch.registers import PARAMETER_RECORD

from .forms import group_records
from .ir import ConvLayer, Group, Module

__all__ = ["pack_weights", "parameter_image", "weight_image"]


def pack_weights(config: Config, weights: np.ndarray) -> bytes:
    """The weight words of one group of output channels.

    Parameters
    ----------
    weights:
        int8, (channels, kernel rows, taps, run bytes). Runs are padded with zeros to whole chunks of R,
        channels to whole column tiles of C.
    """
    channels, kernel_h, taps, run = weights.shape
    R, C = config.rows, config.columns
    n_tiles, chunks = -(-channels // C), -(-run // R)
    padded = np.zeros((n_tiles * C, kernel_h, taps, chunks * R), np.int8)
    padded[:channels, :, :, :run] = weights
    tiles = padded.reshape(n_tiles, C, kernel_h, taps, chunks, R).transpose(0, 2, 3, 4, 5, 1)
    groups = tiles.reshape(-1, config.weight_rows, C)
    words = np.zeros((len(groups), config.weight_word_bytes), np.int8)
    for row in range(config.weight_rows):
        start = row * config.column_bytes
        words[:, start : start + C] = groups[:, row]
    return words.tobytes()


def weight_image(module: Module) -> bytes:
    """The used part of the weight memory."""
    groups = [g for layer in module.layers.values() if isinstance(layer, ConvLayer) for g in layer.groups]
    return b"".join(pack_weights(module.config, group.weights) for group in groups)


def parameter_image(module: Module) -> bytes:
    """The used part of the parameter memory; records of columns that no channel uses are zero."""
    convs = [layer for layer in module.layers.values() if isinstance(layer, ConvLayer)]
    return b"".join(_records(module, layer, group).tobytes() for layer in convs for group in layer.groups)


def _records(module: Module, layer: ConvLayer, group: Group) -> np.ndarray:
    records = np.zeros(group_records(module.config, group), PARAMETER_RECORD)
    channels = slice(group.first, group.first + len(group.weights))
    used = records[: len(group.weights)]
    used["bias"] = layer.bias[channels]
    used["multiplier"] = layer.multiplier[channels]
    used["exponent"] = layer.exponent[channels]
    return records
