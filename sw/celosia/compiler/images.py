# SPDX-License-Identifier: Apache-2.0
"""The contents of the weight and parameter memories, as :class:`celosia.arch.isa.Conv` reads them."""

import numpy as np

from celosia.arch.config import Config
from celosia.arch.registers import PARAMETER_RECORD

from .forms import group_records, records_in_all
from .ir import AddLayer, ArrayLayer, DownGroup, Group, Module

__all__ = ["pack_tiles", "pack_weights", "parameter_image", "weight_image"]


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
    return pack_tiles(config, tiles.reshape(-1, R, C))


def pack_tiles(config: Config, tiles: np.ndarray) -> bytes:
    """The weight words of (tiles, R, columns) int8; columns that are not there are not used."""
    groups = tiles.reshape(-1, config.weight_rows, tiles.shape[2])
    words = np.zeros((len(groups), config.weight_word_bytes), np.int8)
    for row in range(config.weight_rows):
        start = row * config.column_bytes
        words[:, start : start + tiles.shape[2]] = groups[:, row]
    return words.tobytes()


def weight_image(module: Module) -> bytes:
    """The used part of the weight memory."""
    config = module.config
    return b"".join(
        pack_tiles(config, group.tiles) if isinstance(group, DownGroup) else pack_weights(config, group.weights)
        for layer in _array_layers(module)
        for group in layer.groups
    )


def parameter_image(module: Module) -> bytes:
    """The used part of the parameter memory; records that no channel uses are zero."""
    layers = _array_layers(module)
    used = [_records(layer, group) for layer in layers for group in layer.groups]
    records = np.zeros(records_in_all(module.config, (g for layer in layers for g in layer.groups)), PARAMETER_RECORD)
    if used:
        records[: sum(map(len, used))] = np.concatenate(used)
    return records.tobytes()


def _array_layers(module: Module) -> list[ArrayLayer]:
    return [layer for layer in module.layers.values() if not isinstance(layer, AddLayer)]


def _records(layer: ArrayLayer, group: Group | DownGroup) -> np.ndarray:
    records = np.zeros(group_records(group), PARAMETER_RECORD)
    channels = slice(group.first, group.first + len(records))
    records["bias"] = layer.bias[channels]
    records["multiplier"] = layer.multiplier[channels]
    records["exponent"] = layer.exponent[channels]
    return records
