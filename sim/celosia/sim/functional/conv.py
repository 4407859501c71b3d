# SPDX-License-Identifier: Apache-2.0
"""CONV, exactly as :class:`celosia.arch.isa.Conv` defines it, with its loops as array operations."""

from typing import Any

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Space
from celosia.golden.quantize import requantize, wrap_int32

from .errors import UndefinedCommandError
from .memories import Memories

__all__ = ["MAX_EXPONENT", "MIN_EXPONENT", "records_from", "run_conv"]

MIN_EXPONENT, MAX_EXPONENT = -31, 2
"""Exponents that the lanes compute."""

_BLOCK = 1 << 21
_FLOAT32_EXACT = 1 << 24


def run_conv(config: Config, memories: Memories, f: dict[str, Any]) -> None:
    """Execute one decoded CONV.

    Raises
    ------
    UndefinedCommandError
        It asks for what the contract does not define.
    """
    channels = (f["n_tiles"] - 1) * config.columns + f["last_columns"]
    _check(config, f)
    weights = _weights(config, memories, f)[:, :channels]
    records = records_from(memories, f["parameter_address"], channels)
    targets = _targets(memories.activations, channels, f)
    rows = max(1, _BLOCK // max(1, f["output_w"] * len(weights)))
    results = []
    for first in range(0, f["output_h"], rows):
        oy = np.arange(first, min(first + rows, f["output_h"]))
        vectors = _vectors(config, memories.activations, f, oy, targets)
        results.append(_requantized(vectors, weights, records, f))
    memories.activations[targets] = np.concatenate(results).reshape(targets.shape)


def _check(config: Config, f: dict[str, Any]) -> None:
    if not 1 <= f["last_columns"] <= config.columns:
        raise UndefinedCommandError(f"CONV.last_columns must be 1 to {config.columns}, not {f['last_columns']}")
    pixels = f["output_w"] * f["output_h"]
    if pixels > config.accumulators:
        raise UndefinedCommandError(f"CONV has {pixels} output pixels; the core has {config.accumulators} accumulators")


def _weights(config: Config, memories: Memories, f: dict[str, Any]) -> np.ndarray:
    """The weight tiles as one matrix, (kernel_h·kernel_w·chunks·R, n_tiles·C)."""
    counts = (f["n_tiles"], f["kernel_h"], f["kernel_w"], f["chunks"])
    words = int(np.prod(counts)) * config.tile_words
    end = f["weight_address"] + words
    if end > config.weight_words:
        raise UndefinedCommandError(f"CONV reads weight word {end - 1}; the memory has {config.weight_words}")
    used = memories[Space.WEIGHTS].view(np.int8).reshape(-1, config.weight_word_bytes)[f["weight_address"] : end]
    used = used[:, : config.weight_rows * config.column_bytes].reshape(-1, config.column_bytes)[:, : config.columns]
    tiles = used.reshape(counts[0], -1, config.columns).transpose(1, 0, 2)
    return tiles.reshape(len(tiles), -1)


def records_from(memories: Memories, first: int, channels: int) -> np.ndarray:
    """The parameter records of ``channels`` channels from record ``first`` on."""
    records = memories.records
    if first + channels > len(records):
        raise UndefinedCommandError(
            f"a command reads parameter record {first + channels - 1}; the memory has {len(records)}"
        )
    used = records[first : first + channels]
    low, high = int(used["exponent"].min()), int(used["exponent"].max())
    if low < MIN_EXPONENT or high > MAX_EXPONENT:
        raise UndefinedCommandError(f"exponents must be {MIN_EXPONENT} to {MAX_EXPONENT}, not {low} to {high}")
    return used


def _vectors(
    config: Config, activations: np.ndarray, f: dict[str, Any], oy: np.ndarray, targets: np.ndarray
) -> np.ndarray:
    """What the feeder reads for the output rows ``oy``, (pixels, kernel_h·kernel_w·chunks·R)."""
    ky, kx, ox = np.arange(f["kernel_h"]), np.arange(f["kernel_w"]), np.arange(f["output_w"])
    run = np.arange(f["chunks"] * config.rows)
    iy = f["input_y"] + oy[:, None] * f["step_y"] + ky * f["dilation_y"]
    b = f["input_x"] + ox[:, None, None] * f["step_x"] + kx[:, None] * f["dilation_x"] + run
    row = f["input_address"] + oy[:, None] * f["row_step"] + ky * f["kernel_row_step"]
    a = row[:, None, :, None, None] + b[None, :, None]
    inside = ((iy >= 0) & (iy < f["input_rows"]))[:, None, :, None, None]
    inside = inside & ((b >= 0) & (b < f["input_row_bytes"]))[None, :, None]
    used = a[inside]
    if used.size and (used.min() < 0 or used.max() >= len(activations)):
        raise UndefinedCommandError(f"CONV reads activation bytes {used.min()} to {used.max()} of {len(activations)}")
    low, high = int(targets.min()), int(targets.max())
    if used.size and used.min() <= high and used.max() >= low:
        near = used[(used >= low) & (used <= high)]
        if np.isin(targets, near).any():
            raise UndefinedCommandError("CONV writes activation bytes that it reads itself")
    vectors = np.full(a.shape, f["input_zero_point"], np.int8)
    vectors[inside] = activations[used]
    return vectors.reshape(len(oy) * len(ox), -1)


def _requantized(vectors: np.ndarray, weights: np.ndarray, records: np.ndarray, f: dict[str, Any]) -> np.ndarray:
    """int8 outputs, (pixels, channels). Products and their sums are exact in floating point."""
    dtype = np.float32 if len(weights) << 14 <= _FLOAT32_EXACT else np.float64
    sums = (vectors.astype(dtype) @ weights.astype(dtype)).astype(np.int64) + records["bias"]
    return requantize(
        wrap_int32(sums),
        records["multiplier"],
        records["exponent"].astype(np.int32),
        f["output_zero_point"],
        f["activation_min"],
        f["activation_max"],
    )


def _targets(activations: np.ndarray, channels: int, f: dict[str, Any]) -> np.ndarray:
    """Addresses of the outputs, (output_h, output_w, channels)."""
    oy, ox, c = np.arange(f["output_h"]), np.arange(f["output_w"]), np.arange(channels)
    targets = f["output_address"] + oy[:, None, None] * f["output_row_pitch"]
    targets = targets + ox[:, None] * f["output_pixel_pitch"] + c
    if targets.max() >= len(activations):
        raise UndefinedCommandError(f"CONV writes activation byte {targets.max()} of {len(activations)}")
    return targets
