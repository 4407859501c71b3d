# SPDX-License-Identifier: Apache-2.0
"""golden(x) == TFLM(x) for real networks, and what goes wrong when a network or its inputs do not fit."""

from dataclasses import replace

import numpy as np
import pytest

from celosia import golden
from celosia.model import ModelError
from celosia.model.graph import NoAttributes, Other
from support.operators import OPERATORS, random_inputs
from support.shared import MODELS, model, reference


@pytest.mark.parametrize("name", MODELS)
def test_model_equals_tflm(name):
    graph = model(name)
    shape = graph.tensors[graph.inputs[0]].shape
    for data, expected in reference(name, limit=20):
        (got,) = golden.run(graph, [data.reshape(shape)])
        assert np.array_equal(got, expected.reshape(got.shape))


def test_run_all_keeps_every_tensor_and_evaluate_agrees():
    graph = model("mlpt_kws_dscnn")
    (data, expected), *_ = reference("mlpt_kws_dscnn", limit=1)
    values = golden.run_all(graph, [data])
    assert np.array_equal(values[graph.outputs[0]], expected)
    for op in graph.ops:
        for index, value in zip(op.outputs, golden.evaluate(graph, op, values), strict=True):
            assert np.array_equal(values[index], value)
            assert value.shape == graph.tensors[index].shape
            assert value.dtype == np.int8


@pytest.mark.parametrize("kind", ["LSTM", "CUSTOM:mine", "CONV_2D"])
def test_unsupported_operator_is_named(kind):
    graph = OPERATORS["CONV_2D"](np.random.default_rng(1))
    graph.ops[0] = replace(graph.ops[0], kind=kind, attributes=Other({}), name="cell")
    with pytest.raises(golden.UnsupportedOperator, match=rf"operator 0 {kind} 'cell' is not supported.*replace"):
        golden.run(graph, random_inputs(np.random.default_rng(0), graph))


def test_inputs_are_checked():
    graph = OPERATORS["ADD"](np.random.default_rng(2))
    inputs = random_inputs(np.random.default_rng(0), graph)
    with pytest.raises(ModelError, match=f"takes {len(inputs)} inputs, not 0"):
        golden.run(graph, [])
    with pytest.raises(ModelError, match=r"input 0 of add must be int8 of shape .*not int16"):
        golden.run(graph, [inputs[0].astype(np.int16), *inputs[1:]])
    with pytest.raises(ModelError, match="must be int8 of shape"):
        golden.run(graph, [inputs[0][..., np.newaxis], *inputs[1:]])
    with pytest.raises(ModelError, match="has no value yet"):
        golden.evaluate(graph, graph.ops[0], {})


def test_output_may_be_an_input():
    graph = OPERATORS["RELU"](np.random.default_rng(3))
    graph.outputs = (graph.inputs[0], *graph.outputs)
    inputs = random_inputs(np.random.default_rng(0), graph)
    same, _ = golden.run(graph, inputs)
    assert np.array_equal(same, inputs[0])


def test_scales_without_sense_are_named():
    graph = OPERATORS["QUANTIZE"](np.random.default_rng(4))
    inputs = random_inputs(np.random.default_rng(0), graph)
    quantization = graph.tensors[1].quantization
    assert quantization is not None
    graph.replace_tensor(1, quantization=replace(quantization, scale=(0.0,)))
    with pytest.raises(ModelError, match=r"operator 0 QUANTIZE.*scale 0"):
        golden.run(graph, inputs)
    graph.replace_tensor(1, quantization=replace(quantization, scale=(1e-30,)))
    with pytest.raises(ModelError, match=r"operator 0 QUANTIZE.*left shift"):
        golden.run(graph, inputs)


def test_quantize_from_float_is_refused():
    graph = OPERATORS["QUANTIZE"](np.random.default_rng(5))
    graph.replace_tensor(0, dtype="float32", quantization=None)
    graph.ops[0] = replace(graph.ops[0], attributes=NoAttributes())
    with pytest.raises(ModelError, match="inference_input_type"):
        golden.run(graph, [np.zeros(graph.tensors[0].shape, np.float32)])
