# SPDX-License-Identifier: Apache-2.0
"""RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR on int8 images.

TFLM's reference_ops::ResizeBilinearInteger, with coordinates in 1/1024 pixel, and ResizeNearestNeighbor, with
coordinates in float32. Neither rescales values.
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import Resize, ResizeBilinear, ResizeNearestNeighbor
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output
from .quantize import rounding_divide_by_pot

__all__ = ["Line", "check", "line", "resize_bilinear", "resize_nearest_neighbor"]

_BITS = 10  # of a coordinate's fraction
_ONE = 1 << _BITS


@dataclass(frozen=True, eq=False)
class Line:
    """How each output pixel along one dimension mixes two inputs: (in[lower] · (1024 − part) + in[upper] · part).

    `part` is negative, with lower = upper, for an output whose centre lies outside the input's centres.
    """

    lower: np.ndarray
    upper: np.ndarray
    part: np.ndarray


def line(size: int, out: int, attributes: Resize) -> Line:
    """The mix of `size` pixels to `out` along one dimension (TFLM's ComputeInterpolationValuesInteger).

    Raises
    ------
    ValueError
        The steps of 1/1024 pixel add up to a pixel beyond the last, which TFLM reads from outside the image.
    """
    span, steps = (size - 1, out - 1) if attributes.align_corners and out > 1 else (size, out)
    scale = (_ONE * span + steps // 2) // steps
    position = np.arange(out, dtype=np.int64) * scale
    if attributes.half_pixel_centers:
        position += scale // 2 - _ONE // 2
    lower = np.maximum(position >> _BITS, 0)
    upper = np.minimum(-(-position >> _BITS), size - 1)
    if lower[-1] >= size:
        raise ValueError(f"{size} pixels cannot become {out} in steps of 1/{_ONE} pixel: resize by a smaller factor")
    return Line(lower, np.maximum(upper, 0), position - lower * _ONE)


def check(graph: Graph, op: Op) -> None:
    """Raise ModelError for a resize that is not on int8 images, or that TFLM does not compute."""
    if isinstance(op.attributes, ResizeBilinear):
        _lines(graph, op)
    elif not isinstance(op.attributes, ResizeNearestNeighbor):
        raise UnsupportedOperator(f"{graph.describe(op)} is no resize in a form that is supported")
    int8_input(graph, op)
    int8_output(graph, op)


def _lines(graph: Graph, op: Op) -> list[Line]:
    """Rows and columns of a RESIZE_BILINEAR."""
    attributes = op.attributes
    assert isinstance(attributes, ResizeBilinear)
    sizes = zip(int8_input(graph, op).shape[1:3], graph.output(op).shape[1:3], strict=True)
    try:
        return [line(size, out, attributes) for size, out in sizes]
    except ValueError as error:
        raise UnsupportedOperator(f"{graph.describe(op)}: {error}") from None


def resize_bilinear(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 to NHWC int8: four pixels mixed, halves away from zero."""
    check(graph, op)
    rows, columns = _lines(graph, op)
    data = inputs[0]
    assert data is not None
    wide = data.astype(np.int64)
    part = rows.part[:, np.newaxis, np.newaxis]
    mixed = wide[:, rows.lower] * (_ONE - part) + wide[:, rows.upper] * part
    part = columns.part[:, np.newaxis]
    mixed = mixed[:, :, columns.lower] * (_ONE - part) + mixed[:, :, columns.upper] * part
    return [rounding_divide_by_pot(mixed, 2 * _BITS).astype(np.int8)]


def _nearest(size: int, out: int, attributes: Resize) -> np.ndarray:
    """The input pixel that each output takes along one dimension (TFLM's GetNearestNeighbor)."""
    span, steps = (size - 1, out - 1) if attributes.align_corners and out > 1 else (size, out)
    scale = np.float32(span) / np.float32(steps)
    position = (np.arange(out, dtype=np.float32) + np.float32(attributes.half_pixel_centers / 2)) * scale
    exact = position.astype(np.float64) + (0.5 if attributes.align_corners else 0)
    return np.minimum(np.floor(exact).astype(np.int64), size - 1)


def resize_nearest_neighbor(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 to NHWC int8: the pixel at the output's place, without a mix."""
    check(graph, op)
    attributes, data = op.attributes, inputs[0]
    assert isinstance(attributes, Resize)
    assert data is not None
    out = graph.output(op).shape
    rows, columns = (_nearest(data.shape[i], out[i], attributes) for i in (1, 2))
    return [data[:, rows][:, :, columns]]
