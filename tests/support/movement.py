# SPDX-License-Identifier: Apache-2.0
"""Random networks of one operator that moves values, or mixes neighbours."""

from collections.abc import Callable

import numpy as np

from celosia.model.graph import (
    Concatenation,
    Graph,
    NoAttributes,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Split,
    StridedSlice,
    Tensor,
)

from .drawing import constant, draw_shape, draw_value, like, single

__all__ = ["concatenation", "pad", "reshape", "resize", "split", "strided_slice", "transpose"]


def pad(kind: str) -> Callable[[np.random.Generator], Graph]:
    """PAD and PADV2, around height, width and channels."""

    def build(rng: np.random.Generator) -> Graph:
        shape = draw_shape(rng, 5)
        padding = np.concatenate([np.zeros((1, 2), int), rng.integers(0, 4, (3, 2))])
        data = draw_value(rng, "in", shape)
        inputs = [data, constant("padding", padding)]
        if kind == "PADV2":
            inputs.append(Tensor("value", (1,), "int8", rng.integers(-128, 128, 1, np.int8), data.quantization))
        out_shape = tuple(int(n + p.sum()) for n, p in zip(shape, padding, strict=True))
        return single(kind, NoAttributes(), inputs, like(data, "out", out_shape))

    return build


def transpose(rng: np.random.Generator) -> Graph:
    """Any permutation of four dimensions."""
    shape = tuple(int(n) for n in rng.integers(1, 6, 4))
    order = rng.permutation(4)
    data = draw_value(rng, "in", shape)
    output = like(data, "out", tuple(shape[i] for i in order))
    return single("TRANSPOSE", NoAttributes(), [data, constant("order", order)], output)


def reshape(rng: np.random.Generator) -> Graph:
    """Four dimensions to two."""
    shape = draw_shape(rng, 5)
    data = draw_value(rng, "in", shape)
    new_shape = (shape[1], shape[2] * shape[3])
    output = like(data, "out", new_shape)
    return single("RESHAPE", Reshape(new_shape=new_shape), [data, constant("shape", new_shape)], output)


def concatenation(rng: np.random.Generator) -> Graph:
    """Two to four inputs of one scale along any dimension."""
    axis, shape = int(rng.integers(1, 4)), [1, *(int(n) for n in rng.integers(1, 6, 3))]
    first = draw_value(rng, "in0", tuple(shape))
    inputs: list[Tensor] = []
    for i in range(int(rng.integers(2, 5))):
        shape[axis] = int(rng.integers(1, 6))
        inputs.append(like(first, f"in{i}", tuple(shape)))
    shape[axis] = sum(t.shape[axis] for t in inputs)
    output = like(first, "out", tuple(shape))
    stored_axis = axis if rng.random() < 0.5 else axis - 4
    return single("CONCATENATION", Concatenation(axis=stored_axis), inputs, output)


def split(rng: np.random.Generator) -> Graph:
    """Into up to four parts along any dimension."""
    shape, parts, axis = list(draw_shape(rng, 5)), int(rng.integers(1, 5)), int(rng.integers(4))
    part = tuple(shape)
    shape[axis] *= parts
    data = draw_value(rng, "in", tuple(shape))
    outputs = [like(data, f"out{i}", part) for i in range(parts)]
    stored_axis = axis if rng.random() < 0.5 else axis - 4
    return single("SPLIT", Split(num_splits=parts), [constant("axis", stored_axis), data], *outputs)


def strided_slice(rng: np.random.Generator) -> Graph:
    """One to four dimensions; strides of either sign, ends beyond the data, every mask."""
    rank = int(rng.integers(1, 5))
    shape = tuple(int(n) for n in rng.integers(2, 7, rank))
    begin, end, strides, sizes = [], [], [], []
    masks = dict.fromkeys(("begin_mask", "end_mask", "shrink_axis_mask"), 0)
    for axis, size in enumerate(shape):
        stride = int(rng.choice([1, 1, 2, 3, -1, -2]))
        taken = np.arange(size)[::stride]
        low, high = sorted(int(i) for i in rng.choice(taken.size + 1, 2, replace=False))
        taken = taken[low:high]
        drop, fixed = rng.random() < 0.2, rng.random(2) < 0.3
        if drop:
            stride, taken = 1, taken[:1]
        first, last = int(taken[0]), int(taken[-1]) + (1 if stride > 0 else -1)
        masks["shrink_axis_mask"] |= int(drop) << axis
        if fixed[0] and low == 0 and not drop:
            masks["begin_mask"] |= 1 << axis
            first = int(rng.integers(-9, 9))
        if (fixed[1] and high == len(np.arange(size)[::stride])) or drop or last < 0:
            masks["end_mask"] |= 1 << axis
            last = int(rng.integers(-9, 9))
        begin.append(first - size if first >= 0 and rng.random() < 0.3 else first)
        end.append(last + 3 if last == size and rng.random() < 0.5 else last)
        strides.append(stride)
        sizes += [] if drop else [taken.size]
    data = draw_value(rng, "in", shape)
    inputs = [data, constant("begin", begin), constant("end", end), constant("strides", strides)]
    return single("STRIDED_SLICE", StridedSlice(**masks), inputs, like(data, "out", tuple(sizes)))


def resize(kind: str, record: type[ResizeBilinear | ResizeNearestNeighbor]) -> Callable[[np.random.Generator], Graph]:
    """To any size, smaller or larger, with each way of laying pixels on each other."""

    def build(rng: np.random.Generator) -> Graph:
        shape = (int(rng.integers(1, 3)), *draw_shape(rng, 9)[1:])
        size = rng.integers(1, 25, 2).tolist()
        corners, centres = [(False, False), (True, False), (False, True)][int(rng.integers(3))]
        data = draw_value(rng, "in", shape)
        attributes = record(align_corners=corners, half_pixel_centers=centres)
        return single(kind, attributes, [data, constant("size", size)], like(data, "out", (shape[0], *size, shape[3])))

    return build
