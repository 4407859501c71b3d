# SPDX-License-Identifier: Apache-2.0
"""A depthwise filter on the streams of a DEPTHWISE command.

A pass covers as many kernel rows as there are row streams, and as many taps of each as a segment is long. With two
outputs a column pair, a stream meets the second output's filter one stride later: rows (or columns) of both filters
together are ``kernel + stride``, and the weights of column 2c + 1 are those of 2c moved by the stride.
"""

from dataclasses import dataclass

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import Opcode, Routing, fields_of, layout_of
from celosia.arch.timing.conv import minimum_tile_cycles

from .ir import DownGroup, Window
from .plan import Plan

__all__ = ["Walk", "down_cycles", "down_groups"]

_LEAST_STEPS = 4
"""The fewest steps of a row with ROWS: the delay line's latency."""


@dataclass(frozen=True)
class Walk:
    """``plan`` for a window: what does not depend on the tile."""

    config: Config
    window: Window
    plan: Plan

    @property
    def length(self) -> int:
        """Taps of a stream."""
        return self.config.rows // self.plan.streams

    @property
    def filter_rows(self) -> int:
        """Kernel rows, those of the second output included."""
        y = self.window.y
        return y.kernel + (y.stride if self.plan.both_rows else 0)

    @property
    def filter_steps(self) -> int:
        """Kernel columns, those of the second output included, in steps."""
        x = self.window.x
        return -(-(x.kernel + (x.stride if self.plan.both_pixels else 0)) // self.plan.pixel_streams)

    @property
    def passes(self) -> tuple[int, int]:
        """Passes over the rows and the columns of the filter."""
        return -(-self.filter_rows // self.plan.row_streams), -(-self.filter_steps // self.length)

    @property
    def several(self) -> bool:
        """More than one pass: sums wait in the accumulators."""
        return self.passes != (1, 1)

    @property
    def taps(self) -> int:
        """Taps of a stream in use."""
        return min(self.length, self.filter_steps)

    @property
    def step_y(self) -> int:
        """Image rows from one command row to the next."""
        y = self.window.y
        if self.plan.routing is Routing.ROWS:
            return 2
        return y.stride * (2 if self.plan.both_rows else 1) if y.out > 1 else 1

    @property
    def stride_steps(self) -> int:
        """Steps from one output to the next."""
        x = self.window.x
        if x.out <= (2 if self.plan.both_pixels else 1):
            return 1
        return x.stride * (2 if self.plan.both_pixels else 1) // self.plan.pixel_streams

    @property
    def possible(self) -> bool:
        """Whether the strides suit the plan."""
        y, x, plan = self.window.y, self.window.x, self.plan
        if (plan.both_rows and y.out == 1) or (plan.both_pixels and x.out == 1):
            return False
        if plan.routing is Routing.ROWS and y.out > 1 and y.stride != (1 if plan.both else 2):
            return False
        return not plan.along or plan.both or x.out == 1 or x.stride % 2 == 0

    def rows(self, height: int) -> int:
        """Command rows for ``height`` output rows."""
        return -(-height // 2) if self.plan.both_rows else height

    def outputs(self, width: int) -> int:
        """Outputs of a column in a row of ``width`` pixels."""
        return -(-width // 2) if self.plan.both_pixels else width

    def row(self, x: int, width: int) -> tuple[int, int, int]:
        """The walk along one row of ``width`` output pixels from ``x`` on: its first pixel, the steps before the
        first output, and all steps.

        With ROWS there is a row before the first, so that steps beyond the right edge of one row may also be those
        before the left edge of the next.
        """
        axis = self.window.x
        first = x * axis.stride - axis.before
        steps = self.taps + (self.outputs(width) - 1) * self.stride_steps
        shared = 0
        if self.plan.routing is Routing.ROWS:
            left = -first - (self.passes[1] - 1) * self.length
            shared = max(0, min(left, first + steps - axis.size, self.taps - 1))
            steps = max(steps - shared, _LEAST_STEPS)
        return first + shared, self.taps - 1 - shared, steps

    def cycles(self, x: int, width: int, height: int) -> int:
        """Cycles of the tiles of one command, all channels."""
        steps = self.row(x, width)[2] * (self.rows(height) + (self.plan.routing is Routing.ROWS))
        groups = -(-self.window.outputs // self.config.down_channels)
        passes_h, passes_w = self.passes
        return groups * passes_h * passes_w * max(steps, minimum_tile_cycles(self.config))

    def tiles(self, rows: int | None = None) -> list[tuple[int, int, int, int]]:
        """Rectangles (first row, rows, first column, columns) that one command each can make, of at most ``rows``
        output rows."""
        y, x = self.window.y, self.window.x
        width = x.out
        while width > 1 and not self._width_fits(width):
            width = -(-width // 2)
        width += width % 2 if self.plan.both_pixels and width < x.out else 0
        height = min(rows or y.out, y.out)
        if self.several:
            most = self.config.accumulators // self.outputs(width)
            height = min(height, most * (2 if self.plan.both_rows else 1))
        height += height % 2 if self.plan.both_rows and height < y.out else 0
        return [
            (first, min(height, y.out - first), column, min(width, x.out - column))
            for first in range(0, y.out, max(height, 1))
            for column in range(0, x.out, width)
        ]

    def _width_fits(self, width: int) -> bool:
        full = max(self.row(x, min(width, self.window.x.out - x))[2] for x in range(0, self.window.x.out, width))
        if self.plan.routing is Routing.ROWS and full > self.config.line_steps:
            return False
        return not self.several or self.outputs(width) <= self.config.accumulators

    def geometry(self, tile: tuple[int, int, int, int]) -> dict[str, int]:
        """The fields of DEPTHWISE that follow from window and rectangle, but for addresses."""
        first_y, height, first_x, width = tile
        y, read = self.window.y, self.window.read
        plan = self.plan
        pixel, skip, steps = self.row(first_x, width)
        passes_h, passes_w = self.passes
        channels = self.window.outputs
        groups = -(-channels // self.config.down_channels)
        return {
            "row_step": self.step_y * read.row,
            "passes_h": passes_h,
            "pass_row_step": plan.row_streams * read.row,
            "passes_w": passes_w,
            "input_rows": y.size,
            "input_y": first_y * y.stride - y.before + (2 if plan.routing is Routing.ROWS else 0),
            "input_row_bytes": self.window.row_bytes,
            "step_x": plan.pixel_streams * read.pixel,
            "input_x": pixel * read.pixel,
            "step_y": self.step_y,
            "stride_steps": self.stride_steps,
            "pass_x_step": self.length * plan.pixel_streams * read.pixel,
            "pass_y_step": plan.row_streams,
            "skip_steps": skip,
            "steps": steps,
            "b_step": self._b_step(),
            "routing": plan.routing.value,
            "along": int(plan.along),
            "both": int(plan.both),
            "last_both": int(plan.both and (plan.along or height % 2 == 0)),
            "output_w": self.outputs(width),
            "output_h": self.rows(height),
            "groups": groups,
            "output_pixel_pitch": self.window.written.pixel * (2 if plan.both_pixels else 1),
            "output_row_pitch": self.window.written.row * (2 if plan.both_rows else 1),
            "last_channels": channels - (groups - 1) * self.config.down_channels,
        }

    def _b_step(self) -> int:
        if self.plan.along:
            return self.window.read.pixel
        return self.window.read.row if self.plan.row_streams > 1 else self.config.activation_word_bytes

    def legal(self) -> bool:
        """Whether every field of every command fits."""
        if not self.possible:
            return False
        known = fields_of(layout_of(Opcode.DEPTHWISE))
        for tile in self.tiles():
            rows, columns = self.rows(tile[1]), self.outputs(tile[3])
            if tile[1] < 1 or (self.several and rows * columns > self.config.accumulators):
                return False
            for name, value in self.geometry(tile).items():
                _, bits, is_signed = known[name]
                low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if is_signed else (0, (1 << bits) - 1)
                if not low <= value <= high:
                    return False
            if self.plan.routing is Routing.ROWS and self.row(tile[2], tile[3])[2] > self.config.line_steps:
                return False
        return True

    def weight_tiles(self, weights: np.ndarray) -> np.ndarray:
        """The weight tiles of some channels, int8, (tiles, R, 2·D); ``weights`` as in :func:`down_groups`."""
        config, plan = self.config, self.plan
        block, (passes_h, passes_w), length = config.down_channels, self.passes, self.length
        groups = -(-len(weights) // block)
        padded = np.zeros((groups * block, *weights.shape[1:]), np.int8)
        padded[: len(weights)] = weights
        tiles = np.zeros((groups, passes_h, passes_w, config.rows, block, 2), np.int8)
        y, x = self.window.y, self.window.x
        for py, px, stream, tap, column in np.ndindex(passes_h, passes_w, plan.streams, self.taps, 1 + plan.both):
            down, right = divmod(stream, plan.pixel_streams)
            ky = py * plan.row_streams + down - (column * y.stride if plan.both_rows else 0)
            kx = (px * length + tap) * plan.pixel_streams + right - (column * x.stride if plan.both_pixels else 0)
            if 0 <= ky < y.kernel and 0 <= kx < x.kernel:
                row = stream * length + self.taps - 1 - tap
                tiles[:, py, px, row, :, column] = padded[:, ky, kx].reshape(groups, block)
        return tiles.reshape(-1, config.rows, 2 * block)


def down_cycles(walk: Walk) -> int:
    """Cycles of a layer's tiles."""
    return walk.window.batch * sum(walk.cycles(x, width, height) for _, height, x, width in walk.tiles())


def down_groups(walk: Walk, weights: np.ndarray) -> tuple[DownGroup, ...]:
    """The channels of a filter, int8, (channels, kernel rows, kernel columns), as one group."""
    return (DownGroup(first=0, channels=len(weights), tiles=walk.weight_tiles(weights)),)
