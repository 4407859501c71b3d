# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE, exactly as :class:`celosia.arch.isa.Depthwise` defines it, with its loops as array operations."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Routing, Space
from celosia.golden.quantize import requantize, wrap_int32

from .conv import records_from
from .errors import UndefinedCommandError
from .memories import Memories

__all__ = ["run_depthwise"]

_JOINED = {Routing.ROWS: 1, Routing.PAIRS: 2, Routing.SINGLE: 4}
"""Segments that make one longer segment."""


def run_depthwise(config: Config, memories: Memories, f: dict[str, Any]) -> None:
    """Execute one decoded DEPTHWISE.

    Raises
    ------
    UndefinedCommandError
        It asks for what the contract does not define.
    """
    _check(config, f)
    channels = (f["groups"] - 1) * config.down_channels + f["last_channels"]
    records = records_from(memories, f["parameter_address"], channels)
    weights = _weights(config, memories, f)
    targets, kept = _targets(config, memories.activations, channels, f)
    outputs = np.empty((f["output_h"], f["output_w"], 2, channels), np.int8)
    for group in range(f["groups"]):
        first = group * config.down_channels
        last = min(first + config.down_channels, channels)
        passes = np.stack(
            [
                _pass(config, memories.activations, weights[group, py, px], f, (group, py, px))
                for py in range(f["passes_h"])
                for px in range(f["passes_w"])
            ]
        )
        used = records[first:last]
        sums = passes.max(axis=0) if f["maximum"] else passes.sum(axis=0)
        bias = 0 if f["maximum"] else used["bias"]
        outputs[..., first:last] = requantize(
            wrap_int32(sums[..., : last - first] + bias),
            used["multiplier"],
            used["exponent"].astype(np.int32),
            f["output_zero_point"],
            f["activation_min"],
            f["activation_max"],
        )
    memories.activations[targets[kept]] = outputs[kept]


def _check(config: Config, f: dict[str, Any]) -> None:
    def check(ok: bool, what: str):
        if not ok:
            raise UndefinedCommandError(f"DEPTHWISE {what}")

    check(config.down_channels > 0, f"does not run on {config.name}")
    check(1 <= f["last_channels"] <= config.down_channels, f"needs last_channels of 1 to {config.down_channels}")
    single = f["passes_h"] * f["passes_w"] == 1
    check(single or f["output_w"] * f["output_h"] <= config.accumulators, "has more sums than there are accumulators")
    check(f["steps"] > f["skip_steps"] + (f["output_w"] - 1) * f["stride_steps"], "has outputs after its last step")
    _check_places(config, f, check)
    check(f["routing"] != Routing.ROWS.value or 4 <= f["steps"] <= config.line_steps, "rows do not fit the delay line")


def _check_places(config: Config, f: dict[str, Any], check: Callable[[bool, str], None]) -> None:
    """Samples and outputs are whole blocks of D in one word; A and B, and both outputs, in words of both parities."""
    block, word = config.down_channels, config.activation_word_bytes
    read = ["row_step", "pass_row_step", "step_x", "pass_x_step", "b_step", "input_x", "input_address"]
    written = ["output_address", "output_pixel_pitch", "output_row_pitch"]
    for name in (*read, *written):
        check(f[name] % block == 0, f"needs {name} to be a multiple of {block} bytes, not {f[name]}")
    check(f["b_step"] % (2 * word) == word, f"needs b_step to be an odd multiple of {word} bytes, not {f['b_step']}")
    if f["both"] or f["last_both"]:
        name = "output_pixel_pitch" if f["along"] else "output_row_pitch"
        check(f[name] % (4 * word) == 2 * word, f"needs {name} to be two odd words, not {f[name]} bytes")


def _weights(config: Config, memories: Memories, f: dict[str, Any]) -> np.ndarray:
    """The weight tiles as (groups, passes_h, passes_w, R, 2·D)."""
    counts = (f["groups"], f["passes_h"], f["passes_w"])
    end = f["weight_address"] + int(np.prod(counts)) * config.tile_words
    if end > config.weight_words:
        raise UndefinedCommandError(f"DEPTHWISE reads weight word {end - 1}; the memory has {config.weight_words}")
    words = memories[Space.WEIGHTS].view(np.int8).reshape(-1, config.weight_word_bytes)[f["weight_address"] : end]
    rows = words[:, : config.weight_rows * config.column_bytes].reshape(*counts, config.rows, config.column_bytes)
    return rows[..., : 2 * config.down_channels].astype(np.int64)


def _pass(
    config: Config, activations: np.ndarray, weights: np.ndarray, f: dict[str, Any], tile: tuple[int, int, int]
) -> np.ndarray:
    """The sums of one pass of one group, (output_h, output_w, 2, D)."""
    routing = Routing(f["routing"])
    warm_up = int(routing is Routing.ROWS)
    a, b = (_samples(config, activations, f, tile, warm_up, second=second) for second in (False, True))
    before_a, before_b = (s.a_row_before(f["input_zero_point"]) for s in (a, b))
    streams = {Routing.ROWS: (before_a, before_b, a, b), Routing.PAIRS: (a, b), Routing.SINGLE: (a,)}[routing]
    length = config.rows // 4 * _JOINED[routing]
    row = (np.arange(f["output_h"]) + warm_up) * f["steps"]
    step = f["skip_steps"] + np.arange(f["output_w"]) * f["stride_steps"]
    outputs = row[:, None] + step  # places in the sequence of all steps
    kept = _kept(f)
    sums = np.zeros((*outputs.shape, 2, config.down_channels), np.int64)
    for segment, stream in enumerate(streams):
        sequence = stream.values.reshape(-1, config.down_channels).astype(np.int64)
        beyond = stream.beyond.reshape(-1)
        for back in range(length):
            taps = weights[segment * length + back].reshape(config.down_channels, 2).T
            if not taps.any():
                continue
            if outputs.min() < back:
                raise UndefinedCommandError("DEPTHWISE uses a sample from before its first step")
            # What no output depends on may lie anywhere, also outside the memory.
            places = beyond[outputs - back][:, :, None] * (kept & taps.any(axis=1))
            if places.any():
                raise UndefinedCommandError(f"DEPTHWISE reads activation byte {places.max()} of {len(activations)}")
            sums += sequence[outputs - back][:, :, None, :] * taps
    return sums


class _Stream(NamedTuple):
    """Samples A, or B, of every step.

    Parameters
    ----------
    values:
        (rows, steps, D).
    beyond:
        (rows, steps): the address of a sample that lies behind the memory's end; 0 for the others.
    """

    values: np.ndarray
    beyond: np.ndarray

    def a_row_before(self, zero_point: int) -> "_Stream":
        """Of every row what was in the one before; padding in front of the first."""
        values = np.concatenate([np.full_like(self.values[:1], zero_point), self.values[:-1]])
        return _Stream(values, np.concatenate([np.zeros_like(self.beyond[:1]), self.beyond[:-1]]))


def _samples(
    config: Config, activations: np.ndarray, f: dict[str, Any], tile: tuple[int, int, int], warm_up: int, second: bool
) -> _Stream:
    group, py, px = tile
    i = np.arange(-warm_up, f["output_h"])[:, None]
    t = np.arange(f["steps"])
    iy = f["input_y"] + i * f["step_y"] + py * f["pass_y_step"]
    x = f["input_x"] + t * f["step_x"] + px * f["pass_x_step"] + group * config.down_channels
    a = f["input_address"] + i * f["row_step"] + py * f["pass_row_step"] + x
    if second:
        a = a + f["b_step"]
        x, iy = (x + f["b_step"], iy) if f["along"] else (x, iy + 1)
    inside = (iy >= 0) & (iy < f["input_rows"]) & (x >= 0) & (x < f["input_row_bytes"])
    address = a % (1 << (config.activation_bytes - 1).bit_length())
    there = address + config.down_channels <= len(activations)
    values = np.full((*inside.shape, config.down_channels), f["input_zero_point"], np.int8)
    values[inside & there] = activations[address[inside & there][:, None] + np.arange(config.down_channels)]
    return _Stream(values, np.where(inside & ~there, address, 0))


def _kept(f: dict[str, Any]) -> np.ndarray:
    """Which outputs are written, (output_h, output_w, 2)."""
    kept = np.ones((f["output_h"], f["output_w"], 2), bool)
    kept[..., 1] = bool(f["both"])
    kept[-1, :, 1] = bool(f["last_both"])
    return kept


def _targets(
    config: Config, activations: np.ndarray, channels: int, f: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Addresses of all outputs, (output_h, output_w, 2, channels), and which of them are written."""
    oy, ox, side = np.ogrid[: f["output_h"], : f["output_w"], :2]
    apart = f["output_pixel_pitch" if f["along"] else "output_row_pitch"] // 2
    places = f["output_address"] + oy * f["output_row_pitch"] + ox * f["output_pixel_pitch"] + side * apart
    targets = places[..., None] + np.arange(channels)
    kept = np.broadcast_to(_kept(f)[..., None], targets.shape)
    if targets[kept].max() >= len(activations):
        raise UndefinedCommandError(f"DEPTHWISE writes activation byte {targets[kept].max()} of {len(activations)}")
    return targets, kept
