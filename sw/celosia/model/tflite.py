# SPDX-License-Identifier: Apache-2.0
"""Reader of TensorFlow Lite files.

The schema is schema.fbs of TensorFlow 2.18. Nothing in a file is trusted: whatever is wrong in it ends in one
`ModelError`, after a time bounded by the size of the file.
"""

from math import prod
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from tflite.utils import BUILTIN_OPCODE2NAME

from .attributes import Attributes
from .errors import ModelError, quoted
from .graph import Graph, Op, Quantization, Tensor
from .tflite_options import option_type_name, read_attributes

__all__ = ["TYPE_NAMES", "load", "parse"]

TYPE_NAMES = {
    value: {"bool_": "bool"}.get(name.lower(), name.lower())
    for name, value in vars(tflite.TensorType).items()
    if isinstance(value, int)
}
"""The schema's TensorType numbers to numpy's names."""

_IDENTIFIER = b"TFL3"
_MAX_ITEMS = 1 << 16  # tensors, operators or buffers of a file: far above any network, low enough to stay fast
_MAX_RANK = 8
_MAX_ELEMENTS = 1 << 31


def load(path: str | PathLike[str]) -> Graph:
    """Read the main subgraph of a .tflite file.

    Constants stay views of the file's bytes, read-only. Float and uint8 networks load too; see
    `Graph.check_int8`.

    Raises
    ------
    ModelError
        The file cannot be read, is not a .tflite file, is damaged, or is inconsistent.
    """
    name = fspath(path)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{name}: cannot be read: {error.strerror or error}; give the path of a model") from None
    except ValueError as error:  # a path with a null character
        raise ModelError(f"{name!r}: not a path: {error}; give the path of a model") from None
    return parse(data, name)


def parse(data: bytes, name: str) -> Graph:
    """Read the main subgraph of the bytes of a .tflite file; `name` stands for the file in messages.

    Raises
    ------
    ModelError
        As `load`.
    """
    if len(data) < 8 or data[4:8] != _IDENTIFIER:
        raise ModelError(f"{name}: not a .tflite file (no {_IDENTIFIER.decode()} mark): give a TensorFlow Lite model")
    stem = Path(name).name.removesuffix(".tflite")
    try:
        graph = _Reader(data).graph(stem)
        graph.validate()
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    except Exception as error:  # the generated accessors raise whatever the damage leads them to
        raise ModelError(f"{name}: damaged .tflite file: export or download it again") from error
    return graph


class _Reader:
    """One pass over a file, with a budget of vector elements, so that overlapping vectors end early."""

    def __init__(self, data: bytes):
        self._data = data
        self._budget = 2 * len(data) + _MAX_ITEMS
        self._model: Any = tflite.Model.GetRootAs(data, 0)  # the accessors' types say None where none can be
        self._codes = [self._code(i) for i in range(self._count("operator codes", self._model.OperatorCodesLength()))]
        self._buffers = self._count("buffers", self._model.BuffersLength())

    def graph(self, name: str) -> Graph:
        if self._count("subgraphs", self._model.SubgraphsLength()) < 1:
            raise ModelError("the file holds no network: export it again")
        subgraph = self._model.Subgraphs(0)
        tensors = [self._tensor(subgraph.Tensors(i)) for i in range(self._count("tensors", subgraph.TensorsLength()))]
        ops = [
            self._op(i, subgraph.Operators(i), tensors)
            for i in range(self._count("operators", subgraph.OperatorsLength()))
        ]
        inputs = self._vector(subgraph, "Inputs")
        outputs = self._vector(subgraph, "Outputs")
        description = self._text(self._model.Description())
        graph = Graph(name, tensors, ops, inputs, outputs, description)
        _fill_empty_constants(graph)
        return graph

    def _count(self, what: str, length: int) -> int:
        if not 0 <= length <= _MAX_ITEMS:
            raise ModelError(f"{length} {what}, more than {_MAX_ITEMS}: damaged file, export or download it again")
        self._spend(length)
        return length

    def _spend(self, elements: int) -> None:
        self._budget -= elements
        if elements < 0 or self._budget < 0:
            raise ModelError("the vectors are larger than the file: damaged file, export or download it again")

    def _vector(self, table: Any, name: str) -> tuple:
        """A vector of numbers as a tuple; empty where the file has none."""
        length = getattr(table, f"{name}Length")()
        self._spend(length)
        return tuple(getattr(table, f"{name}AsNumpy")().tolist()) if length else ()

    def _text(self, text: bytes | None) -> str:
        self._spend(len(text or b""))
        return (text or b"").decode("utf-8", "replace")

    def _code(self, index: int) -> str:
        """The name of an operator code, of either generation of the schema."""
        code = self._model.OperatorCodes(index)
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = BUILTIN_OPCODE2NAME.get(number, f"BUILTIN_{number}")
        return f"CUSTOM:{self._text(code.CustomCode())}" if name == "CUSTOM" else name

    def _tensor(self, table: Any) -> Tensor:
        name = self._text(table.Name())
        shape = self._vector(table, "Shape")
        if len(shape) > _MAX_RANK or any(n < 0 for n in shape) or prod(shape) > _MAX_ELEMENTS:
            raise ModelError(
                f"tensor {quoted(name)} has shape {shape[: _MAX_RANK + 1]}: export with fixed, sane shapes"
            )
        if table.Type() not in TYPE_NAMES:
            raise ModelError(f"tensor {quoted(name)} has the unknown type {table.Type()}: export with TensorFlow 2.18")
        dtype = TYPE_NAMES[table.Type()]
        data = self._constant(name, shape, dtype, table)
        return Tensor(name, shape, dtype, data, self._quantization(name, table.Quantization()), table.IsVariable())

    def _constant(self, name: str, shape: tuple[int, ...], dtype: str, table: Any) -> np.ndarray | None:
        """The data of a tensor, or None where its buffer is empty."""
        if not 0 <= table.Buffer() < max(self._buffers, 1):
            raise ModelError(
                f"tensor {quoted(name)} refers to buffer {table.Buffer()} of {self._buffers}: damaged file"
            )
        raw = self._buffer(table.Buffer()) if self._buffers else None
        if raw is None:
            return None
        if table.Sparsity() is not None:
            raise ModelError(f"tensor {quoted(name)} is stored sparse: export the network with dense weights")
        if dtype in ("string", "resource", "variant"):
            return raw
        if dtype == "int4":
            return _unpack_int4(name, shape, raw)
        needed = prod(shape) * np.dtype(dtype).itemsize
        if raw.size != needed:
            raise ModelError(f"tensor {quoted(name)} holds {raw.size} bytes where its shape {shape} needs {needed}")
        values = raw.view(np.dtype(dtype).newbyteorder("<")).astype(dtype, copy=False).reshape(shape)
        values = np.require(values, requirements="A")
        values.flags.writeable = False
        return values

    def _buffer(self, index: int) -> np.ndarray | None:
        """The bytes of buffer `index` as uint8; None when it is empty."""
        buffer = self._model.Buffers(index)
        start, size = buffer.Offset(), buffer.Size()
        if start > 1:  # a large file keeps its data after the flatbuffer
            if start + size > len(self._data):
                raise ModelError(f"buffer {index} ends beyond the file: truncated, download it again")
            return np.frombuffer(self._data, np.uint8, size, start) if size else None
        return buffer.DataAsNumpy() if buffer.DataLength() else None

    def _quantization(self, name: str, table: Any) -> Quantization | None:
        if table is None or not table.ScaleLength():
            return None
        scale = self._vector(table, "Scale")
        zero_point = self._vector(table, "ZeroPoint") or (0,)
        if len(zero_point) == 1:
            zero_point *= len(scale)
        if len(zero_point) != len(scale) or not all(0 <= s < float("inf") for s in scale):
            raise ModelError(f"tensor {quoted(name)} has unusable scales or zero points: quantize and export it again")
        return Quantization(scale, zero_point, table.QuantizedDimension())

    def _op(self, index: int, table: Any, tensors: list[Tensor]) -> Op:
        code = table.OpcodeIndex()
        if not 0 <= code < len(self._codes):
            raise ModelError(f"operator {index} has code {code} of {len(self._codes)}: damaged file")
        kind = self._codes[code]
        inputs, outputs = self._vector(table, "Inputs"), self._vector(table, "Outputs")
        first = outputs[0] if outputs else -1
        name = tensors[first].name if 0 <= first < len(tensors) else ""
        return Op(kind, inputs, outputs, self._attributes(index, kind, table), name)

    def _attributes(self, index: int, kind: str, table: Any) -> Attributes:
        type_name = option_type_name(table.BuiltinOptionsType())
        options = table.BuiltinOptions() if type_name != "NONE" else None
        try:
            return read_attributes(kind, type_name, options)
        except (TypeError, ValueError) as error:
            raise ModelError(f"operator {index} {kind}: {error}: export it again") from None


def _unpack_int4(name: str, shape: tuple[int, ...], raw: np.ndarray) -> np.ndarray:
    """Two values a byte, the low half first, as int8."""
    if raw.size != (prod(shape) + 1) // 2:
        raise ModelError(
            f"tensor {quoted(name)} holds {raw.size} bytes where its int4 shape {shape} needs half a byte a value"
        )
    pairs = np.stack([raw << 4, raw & 0xF0], axis=-1).reshape(-1).view(np.int8) >> 4
    return pairs[: prod(shape)].reshape(shape)


def _fill_empty_constants(graph: Graph) -> None:
    """Give tensors without elements, which no buffer can mark as constants, their empty data."""
    given = {*graph.inputs, *(t for op in graph.ops for t in op.outputs)}
    for index, tensor in enumerate(graph.tensors):
        if tensor.size == 0 and tensor.data is None and index not in given and tensor.dtype[0] in "iufb":
            dtype = "int8" if tensor.dtype == "int4" else tensor.dtype
            graph.replace_tensor(index, data=np.empty(tensor.shape, dtype))
