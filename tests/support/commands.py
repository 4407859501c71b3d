# SPDX-License-Identifier: Apache-2.0
"""Random legal commands on small cores, and the cores."""

import numpy as np

from celosia.arch.config import Config
from support.machine import Machine

__all__ = ["CONFIGS", "configuration", "random_add", "random_conv", "random_depthwise"]

CONFIGS = {
    "4x4": dict(rows=4, columns=4, lanes=4, bus_bits=32),
    "4x2": dict(rows=4, columns=2, lanes=2, bus_bits=32),
    "4x8": dict(rows=4, columns=8, lanes=8),
    "8x4": dict(rows=8, columns=4, lanes=4),
    "12x10": dict(rows=12, columns=10, lanes=10),
    "4x8, 2 lanes": dict(rows=4, columns=8, lanes=2),
    "8x8, 2 weight rows": dict(rows=8, columns=8, lanes=8, weight_rows=2),
    "6x6, 3 lanes, 3 weight rows": dict(rows=6, columns=6, lanes=3, weight_rows=3),
    "4x16": dict(rows=4, columns=16, lanes=16),
    "16x4": dict(rows=16, columns=4, lanes=4, weight_rows=2),
}


def configuration(name: str) -> Config:
    return Config(weight_bytes=16384, activation_bytes=2048, parameter_records=64, accumulators=64, **CONFIGS[name])


def random_conv(config: Config, rng: np.random.Generator) -> dict:
    """A CONV whose input lies in the lower half of the memory and whose output lies in the upper half."""
    half = config.activation_bytes // 2
    channels, kernel = int(rng.integers(1, 7)), [int(v) for v in rng.integers(1, 4, 2)]
    height, width = (int(v) for v in rng.integers(1, 6, 2))
    stride, dilation = [int(v) for v in rng.integers(1, 3, 2)], [int(v) for v in rng.integers(1, 3, 2)]
    out_h, out_w = (int(v) for v in rng.integers(1, 5, 2))
    pitch = width * channels + int(rng.integers(0, 5))
    base = int(rng.integers(0, half - height * pitch - 1))
    y = -int(rng.integers(0, 3))
    split = dilation[1] > 1
    run = channels if split else kernel[1] * channels
    columns = int(rng.integers(1, 2 * config.columns + 1))
    tiles = -(-columns // config.columns)
    low, high = sorted(int(v) for v in rng.integers(-128, 128, 2))
    pixel_pitch = columns + int(rng.integers(0, 3))
    row_pitch = out_w * pixel_pitch
    size = out_h * row_pitch
    address = half + int(rng.integers(0, half - size))
    return dict(
        input_address=base + y * pitch,
        row_step=stride[0] * pitch,
        kernel_row_step=dilation[0] * pitch,
        input_rows=height,
        input_y=y,
        input_row_bytes=width * channels,
        step_x=stride[1] * channels,
        input_x=-int(rng.integers(0, 3)) * channels,
        step_y=stride[0],
        dilation_x=dilation[1] * channels if split else 0,
        dilation_y=dilation[0],
        kernel_h=kernel[0],
        kernel_w=kernel[1] if split else 1,
        chunks=-(-run // config.rows),
        last_columns=columns - (tiles - 1) * config.columns,
        output_w=out_w,
        output_h=out_h,
        weight_address=int(rng.integers(0, 8)),
        input_zero_point=int(rng.integers(-128, 128)),
        parameter_address=int(rng.integers(0, 64 - tiles * config.columns)),
        n_tiles=tiles,
        output_address=address,
        output_zero_point=int(rng.integers(-128, 128)),
        output_pixel_pitch=pixel_pitch,
        activation_min=low,
        activation_max=high,
        output_row_pitch=row_pitch,
    )


def random_depthwise(config: Config, rng: np.random.Generator, machine: Machine, weight_address: int) -> dict:
    """A DEPTHWISE with input and output as in :func:`random_conv`; zeroes the weights of taps beyond its filter."""
    half, d, word = config.activation_bytes // 2, config.down_channels, config.activation_word_bytes
    routing = int(rng.integers(1, 4))
    along = int(rng.integers(0, 2))
    length = config.rows // 4 * (1, 2, 4)[routing - 1]
    taps = int(rng.integers(1, min(length, 5) + 1))
    groups, width, height = int(rng.integers(1, 3)), int(rng.integers(1, 5)), int(rng.integers(1, 5))
    odd = 2 * int(rng.integers(0, 2)) + 1
    pitch = word * odd if along else d * groups
    row = -(-width * pitch // word) | 1
    steps = max(4, taps) + int(rng.integers(0, 4))
    skip = int(rng.integers(0 if routing == 1 else taps - 1, steps))
    stride = int(rng.integers(1, 3))
    out_w = int(rng.integers(1, 2 + (steps - 1 - skip) // stride))
    out_h = int(rng.integers(1, 4))
    passes = [int(v) for v in rng.integers(1, 3, 2)]
    step_y, y, base = int(rng.integers(1, 3)), -int(rng.integers(0, 3)), word * int(rng.integers(0, 4))
    out_pixel = word * 2 if along else d * groups
    out_row = 2 * word * (-(-out_w * out_pixel // (2 * word)) | 1)
    out_h = min(out_h, max(1, half // 2 // out_row))
    for tile in range(groups * passes[0] * passes[1]):
        for r in range(config.rows):
            if r % length >= taps:
                group, i = divmod(r, config.weight_rows)
                at = (weight_address + tile * config.tile_words + group) * config.weight_word_bytes
                at += i * config.column_bytes
                machine.weights[at : at + config.columns] = 0
    low, high = sorted(int(v) for v in rng.integers(-128, 128, 2))
    return dict(
        input_address=(base + y * row * word) % config.activation_bytes,
        input_zero_point=int(rng.integers(-128, 128)),
        row_step=step_y * row * word,
        passes_h=passes[0],
        pass_row_step=row * word,
        passes_w=passes[1],
        input_rows=height,
        input_y=y,
        input_row_bytes=width * pitch,
        step_x=pitch * (1 + along),
        input_x=-int(rng.integers(0, 3)) * pitch,
        step_y=step_y,
        stride_steps=stride,
        pass_x_step=pitch,
        pass_y_step=1,
        skip_steps=skip,
        steps=steps,
        b_step=pitch if along else row * word,
        routing=routing,
        along=along,
        both=int(rng.integers(0, 2)),
        last_both=int(rng.integers(0, 2)),
        maximum=int(rng.integers(0, 2)),
        weight_address=weight_address,
        output_w=out_w,
        output_h=out_h,
        parameter_address=int(rng.integers(0, 64 - groups * d)),
        groups=groups,
        output_address=half + word * int(rng.integers(0, max(1, (half - out_h * out_row) // word))),
        output_zero_point=int(rng.integers(-128, 128)),
        output_pixel_pitch=out_pixel,
        activation_min=low,
        activation_max=high,
        output_row_pitch=out_row,
        last_channels=int(rng.integers(1, d + 1)),
    )


def random_add(config: Config, rng: np.random.Generator) -> dict:
    half, line = config.activation_bytes // 2, config.line_bytes
    lines = int(rng.integers(1, 12))
    a, b = (int(v) * line for v in rng.integers(0, half // line - lines, 2))
    return dict(
        address_a=a,
        address_b=b,
        output_address=half + int(rng.integers(0, half // line - lines)) * line,
        lines=lines,
        **{f"multiplier_{x}": int(rng.integers(2**30, 2**31)) for x in ("a", "b", "out")},
        exponent_a=-int(rng.integers(0, 6)),
        exponent_b=-int(rng.integers(0, 6)),
        exponent_out=-int(rng.integers(17, 22)),
        **{f"zero_point_{x}": int(rng.integers(-128, 128)) for x in ("a", "b", "out")},
        activation_min=-128,
        activation_max=int(rng.integers(0, 128)),
    )
