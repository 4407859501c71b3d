# SPDX-License-Identifier: Apache-2.0
"""Reading and writing .tflite files: the same bits after a round trip, one kind of error in all else."""

import time
from dataclasses import replace

import flatbuffers
import numpy as np
import pytest
import tflite

from celosia import golden
from celosia.model import Graph, ModelError, Op, Quantization, Tensor, load, save, tflite_writer
from celosia.model.graph import Conv2D, DepthwiseConv2D, NoAttributes, Other
from celosia.model.tflite import parse
from celosia.model.tflite_options import read_attributes
from celosia.model.tflite_writer import serialize
from support.operators import OPERATORS, random_inputs, single
from support.shared import LARGE, MODELS, model, model_path, reference
from support.tflm import Reference, run_reference

LONGEST_READ = 2.0  # seconds, for one damaged file of some 100 KB


def assert_same(first: Graph, second: Graph) -> None:
    assert first.ops == second.ops
    assert (first.inputs, first.outputs, first.description) == (
        second.inputs,
        second.outputs,
        second.description,
    )
    for a, b in zip(first.tensors, second.tensors, strict=True):
        assert replace(a, data=None).__dict__ == replace(b, data=None).__dict__
        assert (a.data is None) == (b.data is None)
        if a.data is not None and b.data is not None:
            assert a.data.dtype == b.data.dtype
            assert np.array_equal(a.data, b.data)


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_keeps_graph_and_bits(name):
    graph = model(name)
    data = serialize(graph)
    assert_same(graph, parse(data, f"{name}.tflite"))
    if name not in LARGE:
        run = Reference(data)
        for values, expected in reference(name, limit=2):
            (got,) = run([values.reshape(graph.tensors[graph.inputs[0]].shape)])
            assert np.array_equal(got, expected.reshape(got.shape))


@pytest.mark.parametrize("name", LARGE)
def test_round_trip_keeps_bits_of_large_models(name):
    graph = model(name)
    (values, expected), *_ = reference(name, limit=1)
    assert np.array_equal(Reference(serialize(graph), 16 << 20)([values])[0], expected)


@pytest.mark.parametrize("kind", OPERATORS)
def test_round_trip_of_every_operator(kind, tmp_path):
    for seed in range(5):
        graph = OPERATORS[kind](np.random.default_rng(seed))
        path = tmp_path / f"{graph.name}.tflite"
        save(graph, path)
        read = load(path)
        assert read.name == graph.name
        assert_same(graph, read)


def test_scales_stay_float32():
    graph = model("mlpt_ic_resnet8")
    for tensor in graph.tensors:
        if tensor.quantization is not None:
            assert all(float(np.float32(s)) == s for s in tensor.quantization.scale)


def test_int4_round_trip():
    data = np.array([[-8, 7, 3], [0, -1, 5]], np.int8)
    weights = Tensor("w", (2, 3), "int4", data, Quantization((0.5,), (0,)))
    graph = OPERATORS["RELU"](np.random.default_rng(0))
    graph.tensors.append(weights)
    read = parse(serialize(graph), "x.tflite").tensors[-1]
    assert read.dtype == "int4"
    assert np.array_equal(read.data, data) if read.data is not None else False


def float_model(dtype: str = "float32") -> Graph:
    data = Tensor("in", (1, 4, 4, 2), dtype)
    weights = Tensor("w", (3, 1, 1, 2), dtype, np.ones((3, 1, 1, 2), dtype))
    return single("CONV_2D", Conv2D(), [data, weights], Tensor("out", (1, 4, 4, 3), dtype))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_other_types_load_but_are_refused(dtype):
    graph = parse(serialize(float_model(dtype)), "net.tflite")
    with pytest.raises(ModelError, match=f"net is a {dtype} model; Celosia runs int8-quantized networks: .+"):
        graph.check_int8()
    with pytest.raises(ModelError, match="int8-quantized"):
        golden.run(graph, [np.zeros((1, 4, 4, 2), dtype)])


def test_float_model_runs_in_tflm_as_written():
    graph, data = float_model(), np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2)
    (got,) = run_reference(graph, [data])
    assert np.array_equal(got, np.repeat(data.sum(axis=3, keepdims=True), 3, axis=3))


def test_operators_without_a_record_load_and_are_named(monkeypatch):
    graph = OPERATORS["RELU"](np.random.default_rng(0))
    monkeypatch.setitem(tflite_writer._CODES, "RELU", tflite_writer._CODES["ELU"])
    read = parse(serialize(graph), "x.tflite")
    assert [op.kind for op in read.ops] == ["ELU"]
    assert isinstance(read.ops[0].attributes, Other)
    with pytest.raises(golden.UnsupportedOperator, match="operator 0 ELU 'out'"):
        golden.run(read, random_inputs(np.random.default_rng(0), read))
    with pytest.raises(ModelError, match="cannot be written"):
        serialize(read)


OPTION_TABLES = [n for n in vars(tflite.BuiltinOptions) if n[0].isupper() and n != "NONE"]


@pytest.mark.parametrize("name", OPTION_TABLES)
def test_options_of_every_operator_in_the_schema_are_read(name):
    builder = flatbuffers.Builder()
    getattr(tflite, f"{name}Start")(builder)
    builder.Finish(getattr(tflite, f"{name}End")(builder))
    table = getattr(tflite, name).GetRootAs(bytes(builder.Output()))._tab
    attributes = read_attributes("SOMETHING_NEW", name, table)
    assert isinstance(attributes, Other)
    assert all(isinstance(v, (bool, int, float, str, tuple)) for v in attributes.options.values())


def test_unknown_fused_activation_still_loads():
    builder = flatbuffers.Builder()
    tflite.AddOptionsStart(builder)
    tflite.AddOptionsAddFusedActivationFunction(builder, tflite.ActivationFunctionType.TANH)
    builder.Finish(tflite.AddOptionsEnd(builder))
    table = tflite.AddOptions.GetRootAs(bytes(builder.Output()))._tab
    attributes = read_attributes("ADD", "AddOptions", table)
    assert isinstance(attributes, Other)
    assert attributes.options["FusedActivationFunction"] == tflite.ActivationFunctionType.TANH
    with pytest.raises(ValueError, match="carries AddOptions instead of SubOptions"):
        read_attributes("SUB", "AddOptions", table)


def test_unwritable_path(tmp_path):
    with pytest.raises(ModelError, match="cannot be written"):
        save(OPERATORS["RELU"](np.random.default_rng(0)), tmp_path / "absent" / "x.tflite")


@pytest.mark.parametrize("name", ["absent.tflite", "", "a\0b"])
def test_unreadable_path(name):
    with pytest.raises(ModelError, match="give the path of a model"):
        load(name)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\x1c\0\0\0ONNX" + bytes(100), b"PK\3\4" + bytes(50), bytes(4096)])
def test_other_files_are_refused(data, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"model\.tflite: not a \.tflite file .*give a TensorFlow Lite model"):
        load(path)


def attempt(data: bytes) -> str:
    """Read, write and run a file that may be damaged. Returns the error's message, or nothing."""
    start = time.perf_counter()
    try:
        graph = parse(data, "damaged.tflite")
    except ModelError as error:
        message = str(error)
        assert message.startswith("damaged.tflite: ")
        assert "\n" not in message
        assert len(message) < 500
        return message
    finally:
        assert time.perf_counter() - start < LONGEST_READ
    try:
        serialize(graph)
        if sum(t.size for t in graph.tensors) < 1 << 22:
            golden.run(graph, random_inputs(np.random.default_rng(0), graph))
    except ModelError as error:
        return str(error)
    return ""


def small_file() -> bytes:
    """Two operators, per-channel scales, options: every kind of table, in some 2 KB."""
    graph = OPERATORS["CONV_2D"](np.random.default_rng(3))
    out = graph.output(graph.ops[0])
    graph.tensors.append(replace(out, name="last"))
    graph.ops.append(Op("RELU6", graph.outputs, (len(graph.tensors) - 1,), NoAttributes(), "last"))
    graph.outputs = (len(graph.tensors) - 1,)
    return serialize(graph)


def test_every_truncation_is_an_error():
    data = small_file()
    assert attempt(data) == ""
    for length in range(len(data)):
        message = attempt(data[:length])
        assert message or length >= len(data) - 16, length  # the last bytes may be padding


@pytest.mark.parametrize("value", [0xFF, 0x01])
def test_every_mutated_byte_is_read_or_refused(value):
    data = small_file()
    for position in range(len(data)):
        attempt(data[:position] + bytes([value]) + data[position + 1 :])


@pytest.mark.parametrize("kind", OPERATORS)
def test_mutated_words_of_every_operator_are_read_or_refused(kind):
    rng = np.random.default_rng(9)
    original = serialize(OPERATORS[kind](rng))
    for _ in range(60):
        data = bytearray(original)
        position = int(rng.integers(0, len(data) // 4)) * 4
        word = int(rng.choice([0, 1, -1, 3, 255, 1 << 16, (1 << 31) - 1, int(rng.integers(0, len(data)))]))
        data[position : position + 4] = word.to_bytes(4, "little", signed=True)
        attempt(bytes(data))


@pytest.mark.parametrize("name", ["mlpt_kws_dscnn", "mlpt_ad_toycar", "tflm_hello_world_int8"])
def test_mutated_words_of_real_models_are_read_or_refused(name):
    original = model_path(name).read_bytes()
    rng = np.random.default_rng(8)
    words = [0, 1, -1, 255, 1 << 16, len(original), (1 << 31) - 1, -(1 << 31)]
    for _ in range(150):
        data = bytearray(original)
        start = rng.choice([0, max(0, len(data) - 6000)])  # tables lie at the ends, weights between
        position = int(start + rng.integers(0, min(6000, len(data)) - 4))
        word = int(rng.choice([*words, int(rng.integers(0, len(data)))]))
        data[position : position + 4] = word.to_bytes(4, "little", signed=True)
        attempt(bytes(data))


def test_unusable_options_are_named():
    graph = OPERATORS["DEPTHWISE_CONV_2D"](np.random.default_rng(0))
    assert isinstance(graph.ops[0].attributes, DepthwiseConv2D)
    object.__setattr__(graph.ops[0].attributes, "stride_h", -3)
    # the writer checks the graph too, so its check is put aside to make the file
    graph.validate = lambda: None  # pyright: ignore[reportAttributeAccessIssue]
    message = attempt(serialize(graph))
    assert "operator 0 DEPTHWISE_CONV_2D: stride_h must be a positive integer, not -3" in message
