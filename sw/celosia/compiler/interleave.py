# SPDX-License-Identifier: Apache-2.0
"""Interleaved rows: longer runs for a convolution that reads an input of few channels.

The window of one kernel row is a run of ``kernel·channels`` bytes; where that is short, most of a weight tile's rows
idle. If the host stores ``m`` rows side by side, pixel by pixel, a run holds m kernel rows. Lines begin every
``step`` rows, so that one begins at every row that a block of m kernel rows does: rows are stored ``m / step`` times.
"""

from dataclasses import replace
from math import gcd

import numpy as np

from celosia.arch.config import Config

from .forms import best_form, form_cycles
from .ir import Axis, Window
from .layouts import Layout, Lines, Pitch

__all__ = ["interleaved", "interleaved_weights", "interleaved_window"]

_MOST_ROWS = 8


def interleaved(config: Config, weights: np.ndarray, window: Window, fill: int, byte_cycles: float) -> Layout | None:
    """The layout with the fewest cycles of a convolution's input; None if none is better than rows in their order.

    Parameters
    ----------
    weights:
        int8, (output channels, kernel rows, kernel columns, input channels).
    fill:
        The input's zero point.
    byte_cycles:
        Cycles that each byte stored costs.
    """
    if window.turned or window.depthwise or window.y.dilation > 1 or window.source is not None:
        return None
    shape = (window.batch, window.y.size, window.x.size, window.channels)
    plain = form_cycles(config, best_form(config, weights, window))
    best, least = None, plain + byte_cycles * np.prod(shape)
    for rows in range(2, min(window.y.kernel, _MOST_ROWS) + 1):
        layout = Layout(shape, *_stored(window, rows, fill))
        again = interleaved_window(window, layout)
        form = best_form(config, interleaved_weights(weights, layout), again)
        cycles = form_cycles(config, form) + byte_cycles * layout.bytes
        small = again.row_bytes < 1 << 15 and again.y.kernel * again.y.dilation < 256
        if small and cycles < least:
            best, least = layout, cycles
    return best


def _stored(window: Window, rows: int, fill: int) -> tuple[Pitch, int, Lines]:
    y, step = window.y, gcd(rows, window.y.stride)
    blocks = -(-y.kernel // rows)
    count = ((y.out - 1) * y.stride + (blocks - 1) * rows) // step + 1
    return (
        Pitch.dense(count, window.x.size, rows * window.channels),
        0,
        Lines(height=count, rows=rows, step=step, before=y.before, fill=fill),
    )


def interleaved_window(window: Window, layout: Layout) -> Window:
    """The same convolution over lines."""
    lines, y = layout.lines, window.y
    assert lines is not None
    axis = Axis(
        size=lines.height,
        kernel=-(-y.kernel // lines.rows),
        stride=y.stride // lines.step,
        dilation=lines.rows // lines.step,
        out=y.out,
    )
    return replace(window, channels=window.channels * lines.rows, y=axis, source=layout.pitch)


def interleaved_weights(weights: np.ndarray, layout: Layout) -> np.ndarray:
    """The weights over lines, with zeros for the rows that the last block of kernel rows has too many."""
    assert layout.lines is not None
    outputs, kernel, columns, channels = weights.shape
    rows = layout.lines.rows
    blocks = -(-kernel // rows)
    padded = np.zeros((outputs, blocks * rows, columns, channels), np.int8)
    padded[:, :kernel] = weights
    mixed = padded.reshape(outputs, blocks, rows, columns, channels).transpose(0, 1, 3, 2, 4)
    return mixed.reshape(outputs, blocks, columns, rows * channels)
