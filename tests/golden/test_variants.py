# SPDX-License-Identifier: Apache-2.0
"""Operators on every int8 value, and the variants of them that TFLM does not compute."""

from dataclasses import replace

import numpy as np
import pytest

from celosia import golden
from celosia.golden.resize import line
from celosia.model import Graph, ModelError, Quantization, Tensor
from celosia.model.graph import Concatenation, LeakyRelu, NoAttributes, ResizeBilinear, ResizeNearestNeighbor
from support.drawing import constant, like, random_inputs, single
from support.operators import OPERATORS
from support.tflm import run_reference

EVERY = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)


def value(name: str, scale: float, zero_point: int = 0, shape: tuple[int, ...] = (1, 256)) -> Tensor:
    return Tensor(name, shape, "int8", None, Quantization((scale,), (zero_point,)))


def on_every_value(kind: str, data: Tensor, output: Tensor, attributes=None) -> None:
    graph = single(kind, attributes or NoAttributes(), [data], output)
    (got,), (expected,) = golden.run(graph, [EVERY]), run_reference(graph, [EVERY])
    assert np.array_equal(got, expected), (kind, data, output)


@pytest.mark.parametrize("zero_point", [-128, -3, 127])
@pytest.mark.parametrize("exponent", range(-20, 6, 2))
def test_every_argument_of_the_curves_equals_tflm(exponent, zero_point):
    for scale in (2.0**exponent, 1.37 * 2.0**exponent):
        data = value("in", scale, zero_point)
        on_every_value("LOGISTIC", data, value("out", 1 / 256, -128))
        on_every_value("TANH", data, value("out", 1 / 128))
        for ratio in (0.009, 0.4, 3.3, 100):
            on_every_value("HARD_SWISH", data, value("out", scale * ratio, -zero_point - 1))


@pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0, 3.5, -0.25, -4.0])
def test_every_argument_of_leaky_relu_equals_tflm(alpha):
    for scale, zero_point in ((0.02, -128), (0.11, 5), (0.9, 127)):
        on_every_value("LEAKY_RELU", value("in", 0.1, zero_point), value("out", scale, -7), LeakyRelu(alpha=alpha))


@pytest.mark.parametrize("size", [(1, 1), (1, 33), (7, 3), (40, 64)])
@pytest.mark.parametrize("image", [(1, 1), (5, 20), (33, 2)])
def test_resizes_equal_tflm(image, size):
    rng = np.random.default_rng(3)
    data = value("in", 0.1, 3, (1, *image, 3))
    for kind, record in (("RESIZE_BILINEAR", ResizeBilinear), ("RESIZE_NEAREST_NEIGHBOR", ResizeNearestNeighbor)):
        for corners, centres in ((False, False), (True, False), (False, True)):
            attributes = record(align_corners=corners, half_pixel_centers=centres)
            output = like(data, "out", (1, *size, 3))
            graph = single(kind, attributes, [data, constant("size", size)], output)
            inputs = random_inputs(rng, graph)
            assert np.array_equal(golden.run(graph, inputs)[0], run_reference(graph, inputs)[0])


def test_resize_that_reads_beyond_the_image_is_refused():
    assert line(1, 33, ResizeBilinear()).lower.max() == 0
    with pytest.raises(ValueError, match="1 pixels cannot become 65"):
        line(1, 65, ResizeBilinear())
    data = value("in", 0.1, 0, (1, 1, 1, 3))
    graph = single(
        "RESIZE_BILINEAR",
        ResizeBilinear(),
        [data, constant("size", [65, 65])],
        like(data, "out", (1, 65, 65, 3)),
    )
    with pytest.raises(golden.UnsupportedOperator, match="operator 0 RESIZE_BILINEAR 'out': 1 pixels cannot become 65"):
        golden.check(graph, graph.ops[0])


def drawn(kind: str) -> Graph:
    return OPERATORS[kind](np.random.default_rng(1))


def requantized(graph: Graph, tensor: int, scale: float, zero_point: int = 0) -> Graph:
    graph.replace_tensor(tensor, quantization=Quantization((scale,), (zero_point,)))
    return graph


def fused_concatenation() -> Graph:
    graph = drawn("CONCATENATION")
    axis = graph.ops[0].attributes
    assert isinstance(axis, Concatenation)
    graph.ops[0] = replace(graph.ops[0], attributes=replace(axis, activation="RELU"))
    return graph


def pad_with_value() -> Graph:
    graph = drawn("PADV2")
    graph.ops[0] = replace(graph.ops[0], kind="PAD")
    return graph


def maximum_of_integers() -> Graph:
    graph = drawn("MAXIMUM")
    for index in (0, 1):
        graph.replace_tensor(index, dtype="int32", data=None)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (requantized(drawn("LOGISTIC"), 1, 1 / 256, 0), "LOGISTIC.*output zero point 0 where TFLite has −128"),
        (requantized(drawn("TANH"), 0, 2.0**-29), "TANH.*too small"),
        (requantized(drawn("HARD_SWISH"), 1, 1e-6), "HARD_SWISH.*cannot bring together"),
        (requantized(drawn("HARD_SWISH"), 1, 1e6), "HARD_SWISH.*cannot bring together"),
        (requantized(drawn("LEAKY_RELU"), 1, 1e-30), "LEAKY_RELU.*left shift"),
        (requantized(drawn("PADV2"), 2, 77.0), "PADV2.*pads with a value of .* scale 77.0"),
        (fused_concatenation(), "CONCATENATION.*fused RELU"),
        (pad_with_value(), "PAD.*export it as a PADV2"),
        (maximum_of_integers(), "MAXIMUM.*int32 tensor.*only int8"),
    ],
    ids=lambda p: p.split(".")[0] if isinstance(p, str) else "",
)
def test_variants_that_tflm_does_not_compute_are_named(graph, message):
    with pytest.raises(ModelError, match=f"operator 0 {message}"):
        golden.check(graph, graph.ops[0])


@pytest.mark.parametrize("kind", OPERATORS)
def test_check_accepts_what_runs(kind):
    for seed in range(5):
        graph = OPERATORS[kind](np.random.default_rng(seed))
        golden.check(graph, graph.ops[0])
