# SPDX-License-Identifier: Apache-2.0
"""Which indices a STRIDED_SLICE takes (TFLM's strided_slice_common and strided_slice_logic)."""

from .attributes import StridedSlice
from .graph import Graph, Op

__all__ = ["slice_ranges"]


def slice_ranges(graph: Graph, op: Op) -> list[range]:
    """The indices that a STRIDED_SLICE takes along each dimension of its input, in order.

    A begin or end below 0 counts from the dimension's end; then both are clipped to the dimension.

    Raises
    ------
    ValueError
        Begin, end and strides are no constants, one integer a dimension, or they make no sense.
    """
    attributes, data = op.attributes, graph.input(op, 0)
    assert isinstance(attributes, StridedSlice)
    assert data is not None
    begin, end, strides = (_integers(graph, op, i, len(data.shape)) for i in (1, 2, 3))
    ranges = []
    for axis, (size, first, last, stride) in enumerate(zip(data.shape, begin, end, strides, strict=True)):
        bit = 1 << axis
        if attributes.begin_mask & bit:
            first = 0 if stride > 0 else size - 1
        start = _clipped(first, size, stride)
        if attributes.shrink_axis_mask & bit:
            if stride < 0 or start >= size:
                raise ValueError(
                    f"index {first} with stride {stride} takes nothing of dimension {axis} of {data.shape}"
                )
            ranges.append(range(start, start + 1))
            continue
        stop = _clipped(last, size, stride)
        if attributes.end_mask & bit:
            stop = size if stride > 0 else -1
        ranges.append(range(start, stop, stride))
    return ranges


def _integers(graph: Graph, op: Op, position: int, count: int) -> list[int]:
    values = graph.constant(op, position)
    what = ("begin", "end", "strides")[position - 1]
    if values is None or values.dtype.kind not in "iu" or values.size != count:
        raise ValueError(f"{what} must be a constant of {count} integers: export the network with fixed shapes")
    if what == "strides" and not values.all():
        raise ValueError(f"strides must not be 0, not {values.tolist()}")
    return values.reshape(-1).tolist()


def _clipped(index: int, size: int, stride: int) -> int:
    """`index` from the front, not beyond the first position outside that a slice of `stride` can end at."""
    index += size if index < 0 else 0
    return min(max(index, 0), size) if stride > 0 else min(max(index, -1), size - 1)
