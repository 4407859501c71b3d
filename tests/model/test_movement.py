# SPDX-License-Identifier: Apache-2.0
"""Slices, splits and resizes: the shapes they make, and what is wrong with those that make none."""

from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
import tflite

from celosia import golden
from celosia.model import Graph, ModelError, Quantization, Tensor
from celosia.model.graph import Other, ResizeBilinear, Split, StridedSlice
from celosia.model.slices import slice_ranges
from celosia.model.tflite_options import read_attributes
from support.drawing import constant, like, single
from support.operators import OPERATORS

IMAGE = Tensor("in", (1, 4, 6, 2), "int8", None, Quantization((0.5,), (3,)))


def sliced(begin: int, end: int, stride: int, size: int = 6, **masks: int) -> Graph:
    """A STRIDED_SLICE of one dimension, whose output's shape is not set right."""
    data = replace(IMAGE, shape=(size,))
    inputs = [data, *(constant(n, [v]) for n, v in (("begin", begin), ("end", end), ("strides", stride)))]
    return single("STRIDED_SLICE", StridedSlice(**masks), inputs, like(data, "out", ()))


@pytest.mark.parametrize("stride", [1, 2, 5, 9, -1, -2, -7])
def test_ranges_are_those_of_python(stride):
    values = list(range(6))
    for begin in range(-9, 9):
        for end in range(-9, 9):
            expected = {
                0: values[begin:end:stride],
                1: values[:end:stride],
                2: values[begin::stride],
                3: values[::stride],
            }
            for mask, taken in expected.items():
                graph = sliced(begin, end, stride, begin_mask=mask & 1, end_mask=mask >> 1)
                assert list(slice_ranges(graph, graph.ops[0])[0]) == taken


@pytest.mark.parametrize(("begin", "taken"), [(0, 0), (5, 5), (-1, 5), (-9, 0)])
def test_shrunk_dimension_takes_one_index(begin, taken):
    graph = sliced(begin, 99, 1, shrink_axis_mask=1)
    assert slice_ranges(graph, graph.ops[0]) == [range(taken, taken + 1)]
    graph.validate()


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (sliced(6, 7, 1, shrink_axis_mask=1), "index 6 with stride 1 takes nothing of dimension 0"),
        (sliced(3, 2, -1, shrink_axis_mask=1), "index 3 with stride -1 takes nothing"),
        (sliced(0, 3, 0), "strides must not be 0"),
        (sliced(0, 3, 1), r"has output shape \(\) where its inputs give \(3,\)"),
        (sliced(0, 3, 1, size=0), r"has output shape \(\) where its inputs give \(0,\)"),
        (
            single("STRIDED_SLICE", StridedSlice(), [IMAGE, *[constant("one", [1])] * 3], like(IMAGE, "out", (1,))),
            "begin must be a constant of 4 integers: export",
        ),
        (
            single("SPLIT", Split(num_splits=2), [constant("axis", 4), IMAGE], IMAGE, IMAGE),
            r"axis 4 does not fit an input of shape \(1, 4, 6, 2\)",
        ),
        (
            single("SPLIT", Split(num_splits=4), [constant("axis", 2), IMAGE], *[IMAGE] * 4),
            "6 indices do not split into 4 equal parts in 4 outputs",
        ),
        (
            single("SPLIT", Split(num_splits=2), [constant("axis", 2), IMAGE], IMAGE),
            "6 indices do not split into 2 equal parts in 1 outputs",
        ),
        (
            single("SPLIT", Split(num_splits=2), [constant("axis", -2), IMAGE], like(IMAGE, "a", (1, 4, 3, 2)), IMAGE),
            r"has output shape \(1, 4, 6, 2\) where its inputs give \(1, 4, 3, 2\)",
        ),
        (
            single("RESIZE_BILINEAR", ResizeBilinear(), [IMAGE, constant("size", [0, 3])], IMAGE),
            r"a height and a width of at least 1, not \[0, 3\]",
        ),
        (
            single("RESIZE_BILINEAR", ResizeBilinear(), [IMAGE, constant("size", [3])], IMAGE),
            "a height and a width",
        ),
    ],
)
def test_validation_finds(graph, message):
    with pytest.raises(ModelError, match=f"operator 0 {graph.ops[0].kind} .*{message}"):
        graph.validate()


def test_more_outputs_than_an_operator_makes_are_refused():
    graph = OPERATORS["RELU"](np.random.default_rng(0))
    graph.tensors.append(graph.tensors[1])
    graph.ops[0] = replace(graph.ops[0], outputs=(1, 2))
    with pytest.raises(ModelError, match="operator 0 RELU 'out' has 2 outputs where it makes one"):
        graph.validate()


@pytest.mark.parametrize("values", [{"num_splits": 0}, {"num_splits": -2}])
def test_split_rejects(values):
    with pytest.raises(ValueError, match="num_splits must be a positive integer"):
        Split(**values)


def test_resize_rejects_both_layouts():
    with pytest.raises(ValueError, match="must not both be set"):
        ResizeBilinear(align_corners=True, half_pixel_centers=True)


@pytest.mark.parametrize("field", ["EllipsisMask", "NewAxisMask", "Offset"])
def test_slices_that_no_record_expresses_load_but_are_refused(field):
    builder = flatbuffers.Builder()
    tflite.StridedSliceOptionsStart(builder)
    getattr(tflite, f"StridedSliceOptionsAdd{field}")(builder, 1)
    builder.Finish(tflite.StridedSliceOptionsEnd(builder))
    table = tflite.StridedSliceOptions.GetRootAs(bytes(builder.Output()))._tab
    attributes = read_attributes("STRIDED_SLICE", "StridedSliceOptions", table)
    assert isinstance(attributes, Other)
    graph = sliced(0, 3, 1)
    graph.ops[0] = replace(graph.ops[0], attributes=attributes)
    graph.validate()
    with pytest.raises(golden.UnsupportedOperator, match="STRIDED_SLICE 'out' is not supported in this variant"):
        golden.check(graph, graph.ops[0])


def test_shapes_may_be_computed_in_an_int8_network():
    graph = OPERATORS["RELU"](np.random.default_rng(0))
    part = sliced(0, 2, 1)
    first = len(graph.tensors)
    graph.tensors += [constant("shape", range(6)), *part.tensors[1:4], Tensor("out", (2,), "int32")]
    op = part.ops[0]
    graph.ops.append(replace(op, inputs=tuple(first + i for i in op.inputs), outputs=(first + 4,)))
    graph.check_int8()
    graph.validate()
