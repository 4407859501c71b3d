# SPDX-License-Identifier: Apache-2.0
"""Windows that slide over NHWC images, tap by tap, without the padded image in memory."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from celosia.model.attributes import Conv2D, Pool2D

__all__ = ["Tap", "Window", "line_taps"]


class Tap(NamedTuple):
    """One tap of a window: its row and column in the kernel, and which outputs read which inputs by it."""

    y: int
    x: int
    outputs: tuple[slice, slice, slice]
    inputs: tuple[slice, slice, slice]


def line_taps(
    size: int, kernel: int, stride: int, dilation: int, before: int, out: int
) -> list[tuple[int, slice, slice]]:
    """(tap, outputs, inputs) for the taps along one dimension that ever touch the `size` pixels.

    The outputs that would read padding through a tap are left out, so the work is bounded by the image,
    however large the kernel.
    """
    first = max(0, -((out - 1) * stride - before) // dilation)
    taps = []
    for tap in range(first, min(kernel, (size - 1 + before) // dilation + 1)):
        offset = tap * dilation - before
        low, high = max(0, -(offset // stride)), min(out - 1, (size - 1 - offset) // stride)
        if low <= high:
            start = low * stride + offset
            taps.append((tap, slice(low, high + 1), slice(start, high * stride + offset + 1, stride)))
    return taps


class Window:
    """A convolution's or pooling's window.

    Parameters
    ----------
    image, out
        (height, width) of input and output.
    kernel
        (height, width).
    before
        (top, left) padding.
    """

    def __init__(
        self,
        attributes: Conv2D | Pool2D,
        image: tuple[int, ...],
        kernel: tuple[int, ...],
        before: tuple[int, int],
        out: tuple[int, ...],
    ):
        a = attributes
        dilation = (a.dilation_h, a.dilation_w) if isinstance(a, Conv2D) else (1, 1)
        self._kernel, self._out = kernel, out
        self._rows = line_taps(image[0], kernel[0], a.stride_h, dilation[0], before[0], out[0])
        self._columns = line_taps(image[1], kernel[1], a.stride_w, dilation[1], before[1], out[1])

    def taps(self) -> Iterator[Tap]:
        """Row by row; `outputs` and `inputs` select from NHWC arrays."""
        every = slice(None)
        for y, out_y, in_y in self._rows:
            for x, out_x, in_x in self._columns:
                yield Tap(y, x, (every, out_y, out_x), (every, in_y, in_x))

    def counts(self) -> np.ndarray:
        """How many pixels of the image each output sees: (out_h, out_w, 1), int32."""
        lines = []
        for size, taps in zip(self._out, (self._rows, self._columns), strict=True):
            line = np.zeros(size, np.int32)
            for _, outputs, _ in taps:
                line[outputs] += 1
            lines.append(line)
        return np.multiply.outer(*lines)[..., np.newaxis]

    def columns(self, data: np.ndarray, padding: int) -> np.ndarray:
        """The im2col matrix (N·out_h·out_w, kh·kw·C): taps row by row, channels innermost."""
        batch, channels, (kh, kw) = data.shape[0], data.shape[3], self._kernel
        matrix = np.full((batch, *self._out, kh * kw, channels), padding, data.dtype)
        for tap in self.taps():
            matrix[:, :, :, tap.y * kw + tap.x][tap.outputs] = data[tap.inputs]
        return matrix.reshape(batch * self._out[0] * self._out[1], -1)
