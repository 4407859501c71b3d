# SPDX-License-Identifier: Apache-2.0
"""The command set on plain numbers: what a command does to the memories, one value at a time.

Written from the words of :mod:`celosia.arch.isa` alone, to compare gateware and simulators with.
"""

import numpy as np

from celosia.arch.config import Config
from celosia.arch.registers import PARAMETER_RECORD
from support.scaling import scale

__all__ = ["Machine"]


class Machine:
    """The memories, and what a command does to them, one value at a time."""

    def __init__(self, config: Config, rng: np.random.Generator):
        self.config = config
        self.weights = rng.integers(-128, 128, config.weight_bytes).astype(np.int8)
        self.activations = rng.integers(-128, 128, config.activation_bytes).astype(np.int8)
        self.parameters = np.zeros(config.parameter_records, PARAMETER_RECORD)
        self.parameters["bias"] = rng.integers(-(2**15), 2**15, config.parameter_records)
        self.parameters["bias"][::7] = 2**30 + 5
        self.parameters["multiplier"] = rng.integers(2**30, 2**31, config.parameter_records)
        self.parameters["exponent"] = rng.integers(-12, -5, config.parameter_records)
        self.parameters["exponent"][::5] = 1

    def weight(self, word: int, row: int, column: int) -> int:
        c = self.config
        group, i = divmod(row, c.weight_rows)
        return int(self.weights[(word + group) * c.weight_word_bytes + i * c.column_bytes + column])

    def conv(self, f: dict):
        c, results = self.config, []
        for n in range(f["n_tiles"]):
            columns = f["last_columns"] if n == f["n_tiles"] - 1 else c.columns
            for oy in range(f["output_h"]):
                for ox in range(f["output_w"]):
                    sums = self._sums(f, n, oy, ox)
                    for k in range(columns):
                        record = self.parameters[f["parameter_address"] + n * c.columns + k]
                        total = (int(sums[k]) + int(record["bias"]) + 2**31) % 2**32 - 2**31
                        y = scale(total, int(record["multiplier"]), int(record["exponent"])) + f["output_zero_point"]
                        at = f["output_address"] + oy * f["output_row_pitch"] + ox * f["output_pixel_pitch"]
                        q = min(max(y, f["activation_min"]), f["activation_max"])
                        results.append((at + n * c.columns + k, q))
        for address, value in results:
            self.activations[address] = value

    def _sums(self, f: dict, n: int, oy: int, ox: int):
        c = self.config
        sums = np.zeros(c.columns, np.int64)
        for ky in range(f["kernel_h"]):
            for kx in range(f["kernel_w"]):
                for j in range(f["chunks"]):
                    tile = ((n * f["kernel_h"] + ky) * f["kernel_w"] + kx) * f["chunks"] + j
                    word = f["weight_address"] + tile * c.tile_words
                    for r in range(c.rows):
                        iy = f["input_y"] + oy * f["step_y"] + ky * f["dilation_y"]
                        b = f["input_x"] + ox * f["step_x"] + kx * f["dilation_x"] + j * c.rows + r
                        a = f["input_address"] + oy * f["row_step"] + ky * f["kernel_row_step"] + b
                        inside = 0 <= iy < f["input_rows"] and 0 <= b < f["input_row_bytes"]
                        x = int(self.activations[a]) if inside else f["input_zero_point"]
                        sums += x * np.array([self.weight(word, r, k) for k in range(c.columns)])
        return sums

    def depthwise(self, f: dict):
        c, results = self.config, []
        length, d = c.rows // 4, c.down_channels
        for g in range(f["groups"]):
            sums = {}
            for py in range(f["passes_h"]):
                for px in range(f["passes_w"]):
                    tile = (g * f["passes_h"] + py) * f["passes_w"] + px
                    word = f["weight_address"] + tile * c.tile_words
                    weights = np.array([[self.weight(word, r, k) for k in range(2 * d)] for r in range(c.rows)])
                    streams, rows = self._streams(f, g, py, px)
                    for i in range(f["output_h"]):
                        for k in range(f["output_w"]):
                            t = (rows.index(i)) * f["steps"] + f["skip_steps"] + k * f["stride_steps"]
                            total = np.zeros(2 * d, np.int64)
                            for r in range(c.rows):
                                q, tap = divmod(r, length)
                                stream, back = {1: (q, tap), 2: (q // 2, r % (2 * length)), 3: (0, r)}[f["routing"]]
                                if t - back >= 0:
                                    total += np.repeat(streams[stream][t - back], 2) * weights[r]
                            if (i, k) not in sums:
                                sums[i, k] = total
                            elif f["maximum"]:
                                sums[i, k] = np.maximum(sums[i, k], total)
                            else:
                                sums[i, k] += total
            count = f["last_channels"] if g == f["groups"] - 1 else d
            for (i, k), total in sums.items():
                for column in range(2 * count):
                    second = f["last_both"] if i == f["output_h"] - 1 else f["both"]
                    if column % 2 and not second:
                        continue
                    record = self.parameters[f["parameter_address"] + g * d + column // 2]
                    bias = 0 if f["maximum"] else int(record["bias"])
                    value = (int(total[column]) + bias + 2**31) % 2**32 - 2**31
                    y = scale(value, int(record["multiplier"]), int(record["exponent"])) + f["output_zero_point"]
                    at = f["output_address"] + i * f["output_row_pitch"] + k * f["output_pixel_pitch"]
                    at += g * d + column // 2
                    if column % 2:
                        at += f["output_pixel_pitch" if f["along"] else "output_row_pitch"] // 2
                    results.append((at, min(max(y, f["activation_min"]), f["activation_max"])))
        for address, value in results:
            self.activations[address] = value

    def _streams(self, f: dict, g: int, py: int, px: int):
        """The streams of the segments (by routing), as arrays of steps × channels, and the rows they run through."""
        d = self.config.down_channels
        rows = list(range(-1 if f["routing"] == 1 else 0, f["output_h"]))
        a, b = [], []
        for i in rows:
            for t in range(f["steps"]):
                iy = f["input_y"] + i * f["step_y"] + py * f["pass_y_step"]
                x = f["input_x"] + t * f["step_x"] + px * f["pass_x_step"] + g * d
                at = f["input_address"] + i * f["row_step"] + py * f["pass_row_step"] + x
                a.append(self._samples(f, at, iy, x))
                along = f["along"]
                b.append(self._samples(f, at + f["b_step"], iy + (not along), x + along * f["b_step"]))
        a, b = np.array(a), np.array(b)
        pad = np.full((f["steps"], d), f["input_zero_point"])
        before_a, before_b = (np.concatenate([pad, s])[: len(s)] for s in (a, b))
        return {1: [before_a, before_b, a, b], 2: [a, b], 3: [a]}[f["routing"]], rows

    def _samples(self, f: dict, at: int, iy: int, x: int):
        d = self.config.down_channels
        if 0 <= iy < f["input_rows"] and 0 <= x < f["input_row_bytes"]:
            at %= self.config.activation_bytes
            return self.activations[at : at + d].astype(np.int64)
        return np.full(d, f["input_zero_point"])

    def add(self, f: dict):
        for i in range(f["lines"] * self.config.line_bytes):
            a = int(self.activations[f["address_a"] + i]) - f["zero_point_a"]
            b = int(self.activations[f["address_b"] + i]) - f["zero_point_b"]
            total = scale(a << 20, f["multiplier_a"], f["exponent_a"])
            total += scale(b << 20, f["multiplier_b"], f["exponent_b"])
            y = scale(total, f["multiplier_out"], f["exponent_out"]) + f["zero_point_out"]
            self.activations[f["output_address"] + i] = min(max(y, f["activation_min"]), f["activation_max"])
