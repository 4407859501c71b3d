# SPDX-License-Identifier: Apache-2.0
"""Max pooling on the streams of a DEPTHWISE command.

Each pass lets one pixel of the window through, to one column or both, and the largest of the passes is kept. So every
pass needs a pixel of the image, or the least there is outside it: what a tile without weights makes would count too.
With two outputs the second sample is the second output's pixel, which is the next one only if the stride is 1.
"""

from dataclasses import dataclass

import numpy as np

from celosia.arch.isa import Routing

from .down import Walk

__all__ = ["MaximumWalk"]


@dataclass(frozen=True)
class MaximumWalk(Walk):
    """``plan`` for the window of a maximum."""

    @property
    def filter_rows(self) -> int:
        return self.window.y.kernel

    @property
    def filter_steps(self) -> int:
        return self.window.x.kernel

    @property
    def passes(self) -> tuple[int, int]:
        return self.filter_rows, self.filter_steps

    @property
    def taps(self) -> int:
        return 1

    @property
    def stride_steps(self) -> int:
        return 1

    @property
    def possible(self) -> bool:
        plan = self.plan
        if not plan.both:
            return plan.routing is Routing.SINGLE
        axis = self.window.x if plan.along else self.window.y
        return plan.routing is Routing.PAIRS and axis.stride == 1 and axis.out > 1

    def geometry(self, tile: tuple[int, int, int, int]) -> dict[str, int]:
        read, stride = self.window.read, self.window.x.stride
        return {
            **super().geometry(tile),
            "step_x": stride * self.plan.pixel_streams * read.pixel if self.window.x.out > 1 else read.pixel,
            "pass_row_step": read.row,
            "pass_x_step": read.pixel,
            "pass_y_step": 1,
            "maximum": 1,
        }

    def weight_tiles(self, weights: np.ndarray) -> np.ndarray:
        block, (passes_h, passes_w) = self.config.down_channels, self.passes
        groups = -(-len(weights) // block)
        tiles = np.zeros((groups, passes_h, passes_w, self.config.rows, block, 2), np.int8)
        for column in range(1 + self.plan.both):
            tiles[..., column * self.length, :, column] = 1
        return tiles.reshape(-1, self.config.rows, 2 * block)
