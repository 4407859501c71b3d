# SPDX-License-Identifier: Apache-2.0
"""The ways to compute one convolution as matrix products, and the choice between them.

A weight tile takes R bytes of one run and makes C outputs; what a layer costs is its tiles times its pixels.
Three forms fill the array differently:

- *dense*: one run of ``kernel·channels`` bytes a kernel row (one a tap where dilation parts them).
- *unrolled*: ``u`` neighbouring pixels of a row become one pixel of ``u·outputs`` bytes, made from a window that
  is ``(u − 1)·stride`` pixels wider. The output has the same bytes; columns that few output channels leave idle,
  and rows that the last chunk leaves idle, do work.
- *diagonal*: depthwise, C channels at a time, one run of their bytes a tap, each to its own column.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from celosia.arch.config import Config

from .ir import Group, Window

__all__ = ["Form", "best_form", "forms", "group_records", "group_tiles", "group_words", "in_parts"]

_MOST_UNROLLED = 16


@dataclass(frozen=True)
class Form:
    """A convolution as ``groups`` over ``window``, whose output channels are the layer's ``unroll`` times over."""

    window: Window
    groups: tuple[Group, ...]
    unroll: int = 1


def group_tiles(config: Config, group: Group) -> int:
    """Weight tiles of a group."""
    channels, kernel_rows, taps, run = group.weights.shape
    return -(-channels // config.columns) * kernel_rows * taps * -(-run // config.rows)


def group_words(config: Config, group: Group) -> int:
    """Weight words of the tiles of a group."""
    return group_tiles(config, group) * config.tile_words


def group_records(config: Config, group: Group) -> int:
    """Parameter records of a group: of whole column tiles, as the machine reads them."""
    return -(-len(group.weights) // config.columns) * config.columns


def in_parts(config: Config, group: Group, most_words: int) -> list[Group]:
    """A dense group as groups of whole column tiles that have at most ``most_words`` each, if they can."""
    single = Group(first=0, offset=0, weights=group.weights[: config.columns])
    step = max(1, most_words // group_words(config, single)) * config.columns
    return [
        replace(group, first=group.first + start, weights=group.weights[start : start + step])
        for start in range(0, len(group.weights), step)
    ]


def best_form(config: Config, weights: np.ndarray, window: Window) -> Form:
    """The form with the fewest cycles that does not take much more weight memory than the first.

    Parameters
    ----------
    weights:
        int8, (output channels, kernel rows, kernel columns, input channels that one output channel sees).
    """
    first, *others = forms(config, weights, window)
    room = max(_tiles(config, first), config.weight_words // config.tile_words // 32)
    fitting = [form for form in others if _tiles(config, form) <= room]
    return min([first, *fitting], key=lambda form: _cycles(config, form))


def _tiles(config: Config, form: Form) -> int:
    return sum(group_tiles(config, group) for group in form.groups)


def _cycles(config: Config, form: Form) -> int:
    pixels = form.window.batch * form.window.y.out * form.window.x.out
    return _tiles(config, form) * max(pixels, config.weight_cycles)


def forms(config: Config, weights: np.ndarray, window: Window) -> Iterator[Form]:
    """Every form of a convolution, the simplest first."""
    if window.depthwise:
        yield _diagonal(config, weights, window)
        if window.outputs > config.columns:
            return
        weights = _with_zeros(weights, window)
    yield _dense(weights, window)
    if window.x.dilation > 1:
        return
    for unroll in range(2, _MOST_UNROLLED + 1):
        channels = unroll * window.outputs
        fits = channels <= 4 * config.columns and unroll * window.x.stride * window.channels < 1 << 16
        if fits and window.x.out % unroll == 0:
            yield _unrolled(weights, window, unroll)


def _dense(weights: np.ndarray, window: Window) -> Form:
    if window.x.dilation == 1:
        weights = weights.reshape(*weights.shape[:2], 1, -1)
    return Form(window, (Group(first=0, offset=0, weights=weights),))


def _unrolled(weights: np.ndarray, window: Window, unroll: int) -> Form:
    x, outputs = window.x, window.outputs
    kernel = x.kernel + (unroll - 1) * x.stride
    wide = np.zeros((unroll * outputs, weights.shape[1], kernel, weights.shape[3]), np.int8)
    for pixel in range(unroll):
        start = pixel * x.stride
        wide[pixel * outputs : (pixel + 1) * outputs, :, start : start + x.kernel] = weights
    axis = replace(x, kernel=kernel, stride=unroll * x.stride, out=x.out // unroll)
    return replace(_dense(wide, replace(window, outputs=unroll * outputs, x=axis, depthwise=False)), unroll=unroll)


def _diagonal(config: Config, weights: np.ndarray, window: Window) -> Form:
    multiplier = window.outputs // window.channels
    groups: list[Group] = []
    for first in range(0, window.outputs, config.columns):
        outputs = np.arange(first, min(first + config.columns, window.outputs))
        offset = first // multiplier
        inputs = outputs // multiplier - offset
        sparse = np.zeros((len(outputs), *weights.shape[1:3], inputs[-1] + 1), np.int8)
        sparse[np.arange(len(outputs)), :, :, inputs] = weights[outputs, :, :, 0]
        groups.append(Group(first=first, offset=offset, weights=sparse))
    return Form(window, tuple(groups))


def _with_zeros(weights: np.ndarray, window: Window) -> np.ndarray:
    """Depthwise weights as those of a dense convolution."""
    outputs = np.arange(window.outputs)
    dense = np.zeros((*weights.shape[:3], window.channels), np.int8)
    dense[outputs, :, :, outputs * window.channels // window.outputs] = weights[:, :, :, 0]
    return dense
