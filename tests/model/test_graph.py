# SPDX-License-Identifier: Apache-2.0
"""The graph: padding, helpers, and what validation finds."""

import csv
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from celosia.model import Graph, ModelError, Op, Quantization, Tensor
from celosia.model.graph import Conv2D, NoAttributes, Pool2D, Softmax, same_padding, window_padding
from support.operators import OPERATORS
from support.shared import MODELS, SHARED, model


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_padding_covers_exactly_the_windows(padding):
    for size in range(1, 12):
        for kernel in range(1, 6):
            for stride in range(1, 4):
                for dilation in (1, 2):
                    out, before, after = same_padding(size, kernel, stride, dilation, padding)
                    extent = (kernel - 1) * dilation + 1
                    if padding == "SAME":
                        assert out == -(-size // stride)
                        assert 0 <= after - before <= 1
                    else:
                        assert (before, after) == (0, 0)
                        assert out == max(0, -(-(size - extent + 1) // stride)) or out < 1
                    if out > 0 and (before or after):
                        assert (out - 1) * stride + extent == size + before + after


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [(96, 3, 2, (48, 0, 1)), (49, 10, 2, (25, 4, 5)), (10, 4, 2, (5, 1, 1)), (5, 1, 2, (3, 0, 0))],
)
def test_padding_of_known_layers(size, kernel, stride, expected):
    assert same_padding(size, kernel, stride, 1, "SAME") == expected


@pytest.mark.parametrize("arguments", [(0, 1, 1, 1, "SAME"), (1, 1, 0, 1, "VALID"), (1, 1, 1, 1, "FULL")])
def test_padding_rejects(arguments):
    with pytest.raises(ValueError, match="must be"):
        same_padding(*arguments)


def test_quantization_keeps_float32():
    q = Quantization((0.1, 0.2), (0, 0), 3)
    assert q.scale == (float(np.float32(0.1)), float(np.float32(0.2)))
    assert not q.per_tensor
    assert Quantization((0.1,), (-5,)).per_tensor
    with pytest.raises(ValueError, match="one length"):
        Quantization((0.1, 0.2), (0,))
    with pytest.raises(ValueError, match="one length"):
        Quantization((), ())


def test_tensor_has_one_scale_or_says_why_not():
    tensor = Tensor("t", (2,), "int8", None, Quantization((0.5,), (-1,)))
    assert (tensor.scale, tensor.zero_point, tensor.size) == (0.5, -1, 2)
    with pytest.raises(ModelError, match="'t' has no scale"):
        _ = replace(tensor, quantization=None).scale
    with pytest.raises(ModelError, match="2 scales"):
        _ = replace(tensor, quantization=Quantization((0.5, 0.5), (0, 0))).zero_point


@pytest.mark.parametrize(
    ("record", "values"),
    [
        (Conv2D, {"stride_h": 0}),
        (Conv2D, {"padding": "FULL"}),
        (Conv2D, {"activation": "TANH"}),
        (Pool2D, {"filter_h": -1, "filter_w": 1}),
    ],
)
def test_attributes_reject(record, values):
    with pytest.raises(ValueError, match=r"must be .*, not"):
        record(**values)


@pytest.mark.parametrize("name", MODELS)
def test_macs_of_real_models(name):
    graph = model(name)
    counted = Counter()
    with (SHARED / "models" / "layers.csv").open() as file:
        for row in csv.DictReader(file):
            counted[row["model"]] += int(row["macs"] or 0)
    assert graph.total_macs() == counted[name]


def test_helpers():
    graph = model("mlpt_ic_resnet8")
    graph.check_int8()
    for op in graph.ops:
        assert graph.producer(op.outputs[0]) is op
        assert all(op in graph.consumers(i) for i in op.inputs)
        assert graph.input(op, 0) is graph.tensors[op.inputs[0]]
        assert graph.input(op, 9) is None
    assert graph.producer(graph.inputs[0]) is None
    first = graph.ops[0]
    assert window_padding(graph, first) == (1, 1, 1, 1)
    assert graph.describe(first).startswith("operator 0 CONV_2D '")
    assert len(graph.consumers(graph.inputs[0])) == 1
    with pytest.raises(ModelError, match="no window"):
        window_padding(graph, graph.ops[-1])


def test_long_names_are_cut_in_messages():
    graph = Graph("g", [], [Op("RELU", (), (), NoAttributes(), "x" * 500 + "\n")], (), ())
    text = graph.describe(graph.ops[0])
    assert "\n" not in text
    assert len(text) < 150


def conv() -> Graph:
    return OPERATORS["CONV_2D"](np.random.default_rng(1))


def break_index(graph: Graph) -> None:
    graph.ops[0] = replace(graph.ops[0], inputs=(0, 99))


def break_order(graph: Graph) -> None:
    graph.inputs = ()


def break_constant(graph: Graph) -> None:
    graph.replace_tensor(1, data=None)


def break_data_shape(graph: Graph) -> None:
    graph.replace_tensor(1, shape=(1, 2, 3))


def break_data_type(graph: Graph) -> None:
    graph.replace_tensor(1, dtype="int16")


def break_output_shape(graph: Graph) -> None:
    graph.replace_tensor(graph.outputs[0], shape=(1, 1, 1, 77))


def break_channels(graph: Graph) -> None:
    graph.replace_tensor(0, shape=(*graph.tensors[0].shape[:3], graph.tensors[0].shape[3] + 1))


def break_rank(graph: Graph) -> None:
    graph.replace_tensor(0, shape=(4, 4))


def break_zero_point(graph: Graph) -> None:
    graph.replace_tensor(0, quantization=Quantization((1.0,), (128,)))


def break_scales(graph: Graph) -> None:
    graph.replace_tensor(1, quantization=Quantization((1.0,) * 99, (0,) * 99))


def break_twice(graph: Graph) -> None:
    graph.ops.append(graph.ops[0])


def break_inputs(graph: Graph) -> None:
    graph.ops[0] = replace(graph.ops[0], inputs=(0,))


def break_output(graph: Graph) -> None:
    graph.tensors.append(Tensor("lost", (1,), "int8"))
    graph.outputs = (len(graph.tensors) - 1,)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_index, "is tensor 99, but there are"),
        (break_order, "before it is computed"),
        (break_constant, "before it is computed"),
        (break_data_shape, "must agree"),
        (break_data_type, "must agree"),
        (break_output_shape, "has output shape"),
        (break_channels, "does not fit"),
        (break_rank, "four dimensions"),
        (break_zero_point, "zero point outside"),
        (break_scales, "99 scales"),
        (break_twice, "already has a value"),
        (break_inputs, "needs 2 inputs"),
        (break_output, "computed by no operator"),
    ],
)
def test_validation_finds(damage, message):
    graph = conv()
    graph.validate()
    damage(graph)
    with pytest.raises(ModelError, match=message):
        graph.validate()


def test_check_int8_says_what_a_value_lacks():
    data = Tensor("in", (1, 4), "int8", None, Quantization((0.5,), (0,)))
    op = Op("SOFTMAX", (0,), (1,), Softmax(), "out")
    graph = Graph("net", [data, Tensor("out", (1, 4), "int8")], [op], (0,), (1,))
    with pytest.raises(ModelError, match="operator 0 SOFTMAX 'out' of net works on int8 value without a scale"):
        graph.check_int8()
    graph.replace_tensor(1, dtype="float32")
    with pytest.raises(ModelError, match=r"net has the float32 output 'out'.*inference_output_type"):
        graph.check_int8()
    hybrid = Graph(
        "net",
        [replace(data, dtype="float32"), Tensor("w", (1,), "int8", np.zeros(1, np.int8))],
        [],
        (0,),
        (0,),
    )
    with pytest.raises(ModelError, match="net is a float32 model with int8 weights only"):
        hybrid.check_int8()
