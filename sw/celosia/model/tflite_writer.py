# SPDX-License-Identifier: Apache-2.0
"""Writer of TensorFlow Lite files that TensorFlow Lite for Microcontrollers runs with the graph's bits."""

from os import PathLike, fspath
from pathlib import Path

import flatbuffers
import numpy as np
import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from .errors import ModelError
from .graph import Graph, Op, Quantization, Tensor
from .tflite import TYPE_NAMES
from .tflite_options import OPTIONS

__all__ = ["save", "serialize"]

_ALIGNMENT = 16  # bytes; what the runtimes ask of constant data
_SCHEMA_VERSION = 3
_TYPE_NUMBERS = {name: number for number, name in TYPE_NAMES.items()}
_CODES = {name: number for number, name in BUILTIN_OPCODE2NAME.items()}


def save(graph: Graph, path: str | PathLike[str]) -> None:
    """Write `graph` as a .tflite file.

    Raises
    ------
    ModelError
        The graph is inconsistent, holds an operator that has no record in `celosia.model.graph`, or the file
        cannot be written.
    """
    data = serialize(graph)
    try:
        Path(path).write_bytes(data)
    except OSError as error:
        raise ModelError(f"{fspath(path)}: cannot be written: {error.strerror or error}") from None


def serialize(graph: Graph) -> bytes:
    """The bytes of a .tflite file that holds `graph`. Raises ModelError as `save`."""
    graph.validate()
    for op in graph.ops:
        if op.kind not in OPTIONS or not isinstance(op.attributes, OPTIONS[op.kind].record):
            raise ModelError(f"{graph.describe(op)} cannot be written: only {', '.join(OPTIONS)} can")
    return _Writer(graph).data


class _Writer:
    """One file in the making. A flatbuffer grows from the leaves: children come before their parents."""

    def __init__(self, graph: Graph):
        self._builder = flatbuffers.Builder(1 << 16)
        self._kinds = sorted({op.kind for op in graph.ops})
        self._blobs: dict[bytes, int] = {b"": 0}
        buffer_of = [self._blob(t) for t in graph.tensors]
        buffers = self._tables([self._buffer(blob) for blob in self._blobs])
        subgraphs = self._subgraphs(graph, buffer_of)
        codes = self._tables([self._code(kind) for kind in self._kinds])
        description = self._builder.CreateString(graph.description)
        tflite.ModelStart(self._builder)
        tflite.ModelAddVersion(self._builder, _SCHEMA_VERSION)
        tflite.ModelAddOperatorCodes(self._builder, codes)
        tflite.ModelAddSubgraphs(self._builder, subgraphs)
        tflite.ModelAddDescription(self._builder, description)
        tflite.ModelAddBuffers(self._builder, buffers)
        self._builder.Finish(tflite.ModelEnd(self._builder), b"TFL3")
        self.data = bytes(self._builder.Output())

    def _blob(self, tensor: Tensor) -> int:
        """The buffer number of a tensor's data; equal data share one, number 0 is the empty one."""
        if tensor.data is None or tensor.data.size == 0:
            return 0
        return self._blobs.setdefault(_stored(tensor), len(self._blobs))

    def _buffer(self, blob: bytes) -> int:
        builder = self._builder
        vector = 0
        if blob:
            builder.StartVector(1, len(blob), _ALIGNMENT)
            builder.head = builder.head - len(blob)
            builder.Bytes[builder.head : builder.head + len(blob)] = blob
            vector = builder.EndVector()
        tflite.BufferStart(builder)
        if blob:
            tflite.BufferAddData(builder, vector)
        return tflite.BufferEnd(builder)

    def _tables(self, offsets: list[int]) -> int:
        """A vector of tables."""
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return self._builder.EndVector()

    def _numbers(self, values: tuple, dtype: str) -> int:
        """A vector of numbers."""
        if not values:
            self._builder.StartVector(np.dtype(dtype).itemsize, 0, np.dtype(dtype).itemsize)
            return self._builder.EndVector()
        return self._builder.CreateNumpyVector(np.asarray(values, dtype))

    def _code(self, kind: str) -> int:
        tflite.OperatorCodeStart(self._builder)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(self._builder, min(_CODES[kind], 127))
        tflite.OperatorCodeAddBuiltinCode(self._builder, _CODES[kind])
        tflite.OperatorCodeAddVersion(self._builder, OPTIONS[kind].version)
        return tflite.OperatorCodeEnd(self._builder)

    def _subgraphs(self, graph: Graph, buffer_of: list[int]) -> int:
        builder = self._builder
        tensors = self._tables([self._tensor(t, b) for t, b in zip(graph.tensors, buffer_of, strict=True)])
        operators = self._tables([self._op(op) for op in graph.ops])
        inputs, outputs = self._numbers(graph.inputs, "int32"), self._numbers(graph.outputs, "int32")
        name = builder.CreateString("main")
        tflite.SubGraphStart(builder)
        tflite.SubGraphAddTensors(builder, tensors)
        tflite.SubGraphAddInputs(builder, inputs)
        tflite.SubGraphAddOutputs(builder, outputs)
        tflite.SubGraphAddOperators(builder, operators)
        tflite.SubGraphAddName(builder, name)
        return self._tables([tflite.SubGraphEnd(builder)])

    def _tensor(self, tensor: Tensor, buffer: int) -> int:
        builder = self._builder
        shape = self._numbers(tensor.shape, "int32")
        name = builder.CreateString(tensor.name)
        quantization = self._quantization(tensor.quantization) if tensor.quantization else None
        tflite.TensorStart(builder)
        tflite.TensorAddShape(builder, shape)
        tflite.TensorAddType(builder, _TYPE_NUMBERS[tensor.dtype])
        tflite.TensorAddBuffer(builder, buffer)
        tflite.TensorAddName(builder, name)
        if quantization is not None:
            tflite.TensorAddQuantization(builder, quantization)
        tflite.TensorAddIsVariable(builder, tensor.variable)
        tflite.TensorAddHasRank(builder, True)
        return tflite.TensorEnd(builder)

    def _quantization(self, quantization: Quantization) -> int:
        scale = self._numbers(quantization.scale, "float32")
        zero_point = self._numbers(quantization.zero_point, "int64")
        tflite.QuantizationParametersStart(self._builder)
        tflite.QuantizationParametersAddScale(self._builder, scale)
        tflite.QuantizationParametersAddZeroPoint(self._builder, zero_point)
        tflite.QuantizationParametersAddQuantizedDimension(self._builder, quantization.axis)
        return tflite.QuantizationParametersEnd(self._builder)

    def _op(self, op: Op) -> int:
        builder, options = self._builder, OPTIONS[op.kind]
        inputs, outputs = self._numbers(op.inputs, "int32"), self._numbers(op.outputs, "int32")
        table = self._options(op) if options.table != "NONE" else None
        tflite.OperatorStart(builder)
        tflite.OperatorAddOpcodeIndex(builder, self._kinds.index(op.kind))
        tflite.OperatorAddInputs(builder, inputs)
        tflite.OperatorAddOutputs(builder, outputs)
        if table is not None:
            tflite.OperatorAddBuiltinOptionsType(builder, getattr(tflite.BuiltinOptions, options.table))
            tflite.OperatorAddBuiltinOptions(builder, table)
        return tflite.OperatorEnd(builder)

    def _options(self, op: Op) -> int:
        builder, options = self._builder, OPTIONS[op.kind]
        stored = options.stored(op.attributes)
        for name, value in stored.items():
            if isinstance(value, tuple):
                stored[name] = self._numbers(value, "int32")
        getattr(tflite, f"{options.table}Start")(builder)
        for name, value in stored.items():
            getattr(tflite, f"{options.table}Add{name}")(builder, value)
        return getattr(tflite, f"{options.table}End")(builder)


def _stored(tensor: Tensor) -> bytes:
    """A tensor's data as the file keeps it: little-endian, int4 packed two a byte."""
    assert tensor.data is not None
    if tensor.dtype == "int4":
        nibbles = np.append(tensor.data.reshape(-1).view(np.uint8) & 15, np.zeros(tensor.size % 2, np.uint8))
        return (nibbles[::2] | nibbles[1::2] << 4).astype(np.uint8).tobytes()
    return tensor.data.astype(tensor.data.dtype.newbyteorder("<"), copy=False).tobytes()
