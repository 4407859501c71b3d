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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from celosia.arch.config import Config

from .ir import Axis, DownGroup, Group, Window
from .layouts import Pitch

__all__ = [
    "Form", "best_form", "flattened", "form_cycles", "forms", "group_records", "group_tiles", "group_words",
    "records_in_all",
]  # fmt: skip

_MOST_UNROLLED = 16


@dataclass(frozen=True)
class Form:
    """A convolution as ``groups`` over ``window``.

    Parameters
    ----------
    tap_step:
        Bytes between the runs of two taps of one kernel row.
    unroll:
        The window's output channels are those of so many pixels, with the gaps between them.
    """

    window: Window
    groups: tuple[Group, ...]
    tap_step: int
    unroll: int = 1

    def channels(self, outputs: int) -> np.ndarray:
        """Which of a layer's ``outputs`` channels each of the window's is; −1 where it is a gap between pixels."""
        if self.unroll == 1:
            return np.arange(outputs)
        channels = np.arange(self.window.outputs) % (self.window.written.pixel // self.unroll)
        return np.where(channels < outputs, channels, -1)


def group_tiles(config: Config, group: Group | DownGroup) -> int:
    """Weight tiles of a group."""
    if isinstance(group, DownGroup):
        return len(group.tiles)
    channels, kernel_rows, taps, run = group.weights.shape
    return -(-channels // config.columns) * kernel_rows * taps * -(-run // config.rows)


def group_words(config: Config, group: Group | DownGroup) -> int:
    """Weight words of the tiles of a group."""
    return group_tiles(config, group) * config.tile_words


def group_records(group: Group | DownGroup) -> int:
    """Parameter records of a group: one a channel."""
    return group.channels if isinstance(group, DownGroup) else len(group.weights)


def records_in_all(config: Config, groups: Iterable[Group | DownGroup]) -> int:
    """Parameter records that groups one after the other take.

    The machine reads those of whole column tiles, or blocks of D. What it reads too many may belong to the next
    group, but must be there.
    """
    end = needed = 0
    for group in groups:
        count = group_records(group)
        width = config.down_channels if isinstance(group, DownGroup) else config.columns
        needed = max(needed, end - (-count // width) * width)
        end += count
    return needed


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
    return min([first, *fitting], key=lambda form: form_cycles(config, form))


def _tiles(config: Config, form: Form) -> int:
    return sum(group_tiles(config, group) for group in form.groups)


def form_cycles(config: Config, form: Form) -> int:
    """Cycles of a form's tiles."""
    pixels = form.window.batch * form.window.y.out * form.window.x.out
    return _tiles(config, form) * max(pixels, config.weight_cycles)


def forms(config: Config, weights: np.ndarray, window: Window) -> Iterator[Form]:
    """Every form of a convolution, the simplest first."""
    if window.depthwise:
        yield _diagonal(config, weights, window)
        if window.outputs > config.columns:
            return
        weights = _with_zeros(weights, window)
    for weights_, window_ in flattened(weights, window):
        yield _dense(weights_, window_)
        if window_.x.dilation > 1:
            continue
        if window_.x.kernel > 1 and window_.read.pixel > window_.channels:
            yield _by_taps(weights_, window_)
        for unroll in range(2, _MOST_UNROLLED + 1):
            channels = (unroll - 1) * window_.written.pixel + window_.outputs
            fits = channels <= 4 * config.columns and unroll * window_.x.stride * window_.read.pixel < 1 << 16
            if fits and window_.x.out % unroll == 0:
                yield _unrolled(weights_, window_, unroll)


def flattened(weights: np.ndarray, window: Window) -> list[tuple[np.ndarray, Window]]:
    """The same convolution with longer rows where there is one, and as it is if that differs in its gaps.

    The window of one kernel row is one run of bytes; the longer it is, the fewer of the array's rows idle in
    its last chunk. A kernel as wide as the image makes each image row one pixel of a row of its bytes; an image one
    pixel wide is the same bytes turned on its side, where kernel rows follow each other.
    """
    result = [(weights, window)]
    x, read, written = window.x, window.read, window.written
    if 1 < x.size == x.kernel and x.before == 0 and x.dilation == 1 and x.out == 1:
        weights = _spread(weights, read.pixel)
        window = replace(window, channels=weights.shape[3], x=Axis(size=1), source=read, target=written)
    if window.x == Axis(size=1) and window.y.size > 1 and _turns(window):
        window = replace(
            window,
            y=window.x,
            x=window.y,
            source=Pitch(read.row, read.pixel, read.image),
            target=Pitch(written.row, written.pixel, written.image),
        )
        weights = weights.transpose(0, 2, 1, 3)
    gaps = read.pixel > result[0][1].channels or read.row > x.size * read.pixel
    if window == result[0][1]:
        return result
    return [(weights, window), *(result if gaps else ())]


def _turns(window: Window) -> bool:
    """Whether the rows of an image one pixel wide may become its pixels."""
    y, step = window.y, window.read.row
    reach = ((y.out - 1) * y.stride + y.kernel * y.dilation) * step
    small = (y.size - 1) * step + window.channels < 1 << 16 and max(y.stride, y.dilation) * step < 1 << 16
    return small and max(reach, y.before * step) < 1 << 23 and window.written.row < 1 << 16


def _spread(weights: np.ndarray, pitch: int) -> np.ndarray:
    """Taps ``pitch`` apart, with zeros between them, as one: (outputs, kernel rows, 1, run bytes)."""
    outputs, rows, taps, channels = weights.shape
    wide = np.zeros((outputs, rows, taps, max(pitch, channels)), np.int8)
    wide[..., :channels] = weights
    return wide.reshape(outputs, rows, 1, -1)[..., : (taps - 1) * pitch + channels]


def _dense(weights: np.ndarray, window: Window) -> Form:
    if window.x.dilation == 1:
        weights = _spread(weights, window.read.pixel)
    return _by_taps(weights, window)


def _by_taps(weights: np.ndarray, window: Window) -> Form:
    step = window.x.dilation * window.read.pixel
    return Form(window, (Group(first=0, offset=0, weights=weights),), step if weights.shape[2] > 1 else 0)


def _unrolled(weights: np.ndarray, window: Window, unroll: int) -> Form:
    x, pitch, written = window.x, window.written.pixel, window.written
    outputs = (unroll - 1) * pitch + window.outputs
    kernel = x.kernel + (unroll - 1) * x.stride
    wide = np.zeros((outputs, weights.shape[1], kernel, weights.shape[3]), np.int8)
    for pixel in range(unroll):
        start = pixel * x.stride
        wide[pixel * pitch : pixel * pitch + window.outputs, :, start : start + x.kernel] = weights
    axis = replace(x, kernel=kernel, stride=unroll * x.stride, out=x.out // unroll)
    target = written._replace(pixel=unroll * pitch)
    window = replace(window, outputs=outputs, x=axis, depthwise=False, source=window.read, target=target)
    return replace(_dense(wide, window), unroll=unroll)


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
    return Form(window, tuple(groups), window.x.dilation * window.read.pixel)


def _with_zeros(weights: np.ndarray, window: Window) -> np.ndarray:
    """Depthwise weights as those of a dense convolution."""
    outputs = np.arange(window.outputs)
    dense = np.zeros((*weights.shape[:3], window.channels), np.int8)
    dense[outputs, :, :, outputs * window.channels // window.outputs] = weights[:, :, :, 0]
    return dense
