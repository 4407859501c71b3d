# SPDX-License-Identifier: Apache-2.0
"""Checks of a whole graph: indices, order, constants, shapes, and whether it is int8 throughout."""

import numpy as np

from .attributes import NoAttributes, Other
from .errors import ModelError, quoted
from .graph import Graph, Op, Tensor
from .shapes import RULES

__all__ = ["check_int8", "validate_graph"]

_RAW = ("string", "resource", "variant")
_MOVES = ("CONCATENATION", "RESHAPE", "SPLIT", "STRIDED_SLICE")  # these compute shapes too
_INDICES = ("int32", "int64")


def validate_graph(graph: Graph) -> None:
    """See `Graph.validate`."""
    for index, tensor in enumerate(graph.tensors):
        _check_tensor(index, tensor)
    _check_order(graph)
    for op in graph.ops:
        rule = RULES.get(op.kind)
        if rule is not None and not isinstance(op.attributes, Other):
            _check_shapes(graph, op)


def _check_tensor(index: int, tensor: Tensor) -> None:
    what = f"tensor {index} {quoted(tensor.name)}"
    if any(n < 0 for n in tensor.shape):
        raise ModelError(f"{what} has shape {tensor.shape}: export the network with fixed shapes")
    if tensor.data is not None and tensor.dtype not in _RAW:
        dtype = "int8" if tensor.dtype == "int4" else tensor.dtype
        if tensor.data.shape != tensor.shape or tensor.data.dtype != np.dtype(dtype):
            raise ModelError(
                f"{what} is {tensor.dtype} {tensor.shape} but its data is "
                f"{tensor.data.dtype} {tensor.data.shape}: they must agree"
            )
    quantization = tensor.quantization
    if quantization is None or tensor.dtype != "int8":
        return
    if any(not -128 <= z <= 127 for z in quantization.zero_point):
        raise ModelError(f"{what} has a zero point outside −128 … 127: quantize the network again")
    if not quantization.per_tensor:
        axis, count = quantization.axis, len(quantization.scale)
        if not 0 <= axis < len(tensor.shape) or tensor.shape[axis] != count:
            raise ModelError(
                f"{what} of shape {tensor.shape} has {count} scales for dimension {axis}: quantize the network again"
            )


def _check_order(graph: Graph) -> None:
    """Every index exists, and every value is there before it is read and made only once."""
    count = len(graph.tensors)
    known = {i for i, t in enumerate(graph.tensors) if t.data is not None or t.variable}
    for index in graph.inputs:
        _check_index(graph, "the network's input", index, count)
    known |= set(graph.inputs)
    made: set[int] = set(graph.inputs)
    for op in graph.ops:
        for index in op.inputs:
            if index != -1:
                _check_index(graph, f"an input of {graph.describe(op)}", index, count)
                if index not in known:
                    raise ModelError(
                        f"{graph.describe(op)} reads tensor {index} {quoted(graph.tensors[index].name)} "
                        f"before it is computed: order the operators, or give the constant its data"
                    )
        for index in op.outputs:
            _check_index(graph, f"an output of {graph.describe(op)}", index, count)
            if index in made or graph.tensors[index].data is not None:
                raise ModelError(f"{graph.describe(op)} writes tensor {index}, which already has a value")
            made.add(index)
            known.add(index)
    for index in graph.outputs:
        _check_index(graph, "the network's output", index, count)
        if index not in known:
            raise ModelError(f"the network's output {index} is computed by no operator: damaged model")


def _check_index(graph: Graph, what: str, index: int, count: int) -> None:
    if not 0 <= index < count:
        raise ModelError(f"{what} is tensor {index}, but there are {count}: damaged model")


def _check_shapes(graph: Graph, op: Op) -> None:
    rule = RULES[op.kind]
    present = [graph.input(op, i) for i in range(rule.inputs)]
    if not op.outputs or any(t is None for t in present):
        raise ModelError(f"{graph.describe(op)} needs {rule.inputs} inputs and an output: damaged model")
    if len(op.outputs) > 1 and not rule.several:
        raise ModelError(f"{graph.describe(op)} has {len(op.outputs)} outputs where it makes one: damaged model")
    try:
        accepted = rule.output(graph, op)
    except ValueError as error:
        raise ModelError(f"{graph.describe(op)}: {error}") from None
    for position in range(len(op.outputs)):
        shape = graph.output(op, position).shape
        if shape not in accepted:
            raise ModelError(
                f"{graph.describe(op)} has output shape {shape} where its inputs give {accepted[0]}: "
                f"export the network with fixed shapes"
            )


def check_int8(graph: Graph) -> None:
    """See `Graph.check_int8`."""
    advice = "Celosia runs int8-quantized networks: convert it with full-integer post-training quantization"
    data = [t for t in graph.tensors if t.data is None]
    constants = [t for t in graph.tensors if t.data is not None]
    if any(t.dtype == "int8" for t in data):
        _check_values_int8(graph)
        return
    for dtype in ("float32", "uint8", "float16", "int16"):
        if any(t.dtype == dtype for t in data):
            mixed = dtype == "float32" and any(t.dtype == "int8" for t in constants)
            note = " with int8 weights only" if mixed else ""
            raise ModelError(f"{graph.name} is a {dtype} model{note}; {advice}")
    raise ModelError(f"{graph.name} has no int8 values; {advice}")


def _check_values_int8(graph: Graph) -> None:
    """The ends of the network, and every value that an operator with a record reads or makes, are int8."""
    for what, indices in (("input", graph.inputs), ("output", graph.outputs)):
        for index in indices:
            tensor = graph.tensors[index]
            if tensor.dtype != "int8":
                raise ModelError(
                    f"{graph.name} has the {tensor.dtype} {what} {quoted(tensor.name)}; "
                    f"Celosia runs int8-quantized networks: convert with inference_{what}_type=tf.int8"
                )
    for op in graph.ops:
        if isinstance(op.attributes, (Other, NoAttributes)) or op.kind not in RULES:
            continue
        data = RULES[op.kind].data
        for index in (*op.inputs[data : data + 1], *op.outputs[:1]):
            tensor = graph.tensors[index]
            if op.kind in _MOVES and tensor.dtype in _INDICES:
                continue
            if tensor.dtype != "int8" or tensor.quantization is None:
                kind = tensor.dtype if tensor.dtype != "int8" else "int8 value without a scale"
                raise ModelError(
                    f"{graph.describe(op)} of {graph.name} works on {kind} {quoted(tensor.name)}; "
                    f"Celosia runs int8-quantized networks: "
                    f"convert it with full-integer post-training quantization"
                )
