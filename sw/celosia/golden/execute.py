# SPDX-License-Identifier: Apache-2.0
"""Running operators and whole graphs, value by value."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from celosia.model.attributes import Other
from celosia.model.errors import ModelError, quoted
from celosia.model.graph import Graph, Op

from . import add, conv, hard_swish, logistic, maximum, mean, movement, mul, pool, prelu, requantize, resize, softmax
from .common import Inputs, UnsupportedOperator
from .depthwise import depthwise_conv_2d
from .fully_connected import fully_connected

__all__ = ["check", "evaluate", "run", "run_all", "supported"]


class _Operator(NamedTuple):
    """What computes a kind of operator, and what raises ModelError for a variant that it does not compute."""

    evaluate: Callable[[Graph, Op, Inputs], list[np.ndarray]]
    check: Callable[[Graph, Op], Any] | None = None


_OPERATORS = {
    "ADD": _Operator(add.add, add.parameters),
    "AVERAGE_POOL_2D": _Operator(pool.average_pool_2d, pool.parameters),
    "CONCATENATION": _Operator(movement.concatenation, movement.check_concatenation),
    "CONV_2D": _Operator(conv.conv_2d, conv.parameters),
    "DEPTHWISE_CONV_2D": _Operator(depthwise_conv_2d, conv.parameters),
    "FULLY_CONNECTED": _Operator(fully_connected, conv.parameters),
    "HARD_SWISH": _Operator(hard_swish.hard_swish, hard_swish.parameters),
    "LEAKY_RELU": _Operator(prelu.leaky_relu, prelu.parameters),
    "LOGISTIC": _Operator(logistic.logistic, logistic.parameters),
    "MAXIMUM": _Operator(maximum.maximum, maximum.check),
    "MAX_POOL_2D": _Operator(pool.max_pool_2d, pool.parameters),
    "MEAN": _Operator(mean.mean, mean.parameters),
    "MINIMUM": _Operator(maximum.minimum, maximum.check),
    "MUL": _Operator(mul.mul, mul.parameters),
    "PAD": _Operator(movement.pad, movement.check_pad),
    "PADV2": _Operator(movement.pad_v2, movement.check_pad),
    "PRELU": _Operator(prelu.prelu, prelu.parameters),
    "QUANTIZE": _Operator(requantize.requantize_op, requantize.parameters),
    "RELU": _Operator(requantize.requantize_op, requantize.parameters),
    "RELU6": _Operator(requantize.requantize_op, requantize.parameters),
    "RESHAPE": _Operator(movement.reshape),
    "RESIZE_BILINEAR": _Operator(resize.resize_bilinear, resize.check),
    "RESIZE_NEAREST_NEIGHBOR": _Operator(resize.resize_nearest_neighbor, resize.check),
    "SOFTMAX": _Operator(softmax.softmax, softmax.parameters),
    "SPLIT": _Operator(movement.split),
    "STRIDED_SLICE": _Operator(movement.strided_slice),
    "SUB": _Operator(add.sub, add.parameters),
    "TANH": _Operator(logistic.tanh, logistic.parameters),
    "TRANSPOSE": _Operator(movement.transpose),
}


def supported(kind: str) -> bool:
    """Whether the golden model computes operators of `kind`."""
    return kind in _OPERATORS


def check(graph: Graph, op: Op) -> None:
    """Check that the golden model computes this operator of a valid graph, whatever its inputs' values.

    Raises
    ------
    UnsupportedOperator
        The operator, or this variant of it, is not in the golden model.
    ModelError
        Its scales or zero points make no sense.
    """
    variant_check = _operator(graph, op).check
    if variant_check is not None:
        variant_check(graph, op)


def _operator(graph: Graph, op: Op) -> _Operator:
    if op.kind not in _OPERATORS or isinstance(op.attributes, Other):
        variant = " in this variant" if op.kind in _OPERATORS else ""
        raise UnsupportedOperator(
            f"{graph.describe(op)} is not supported{variant}: replace it in the network by {', '.join(_OPERATORS)}"
        )
    return _OPERATORS[op.kind]


def evaluate(graph: Graph, op: Op, values: Mapping[int, np.ndarray]) -> list[np.ndarray]:
    """The outputs of one operator.

    Parameters
    ----------
    values
        Tensor index to value; constants come from the graph and need not be in it.

    Raises
    ------
    UnsupportedOperator
        The operator, or this variant of it, is not in the golden model.
    ModelError
        An input is missing, or has the wrong shape or type.
    """
    operator = _operator(graph, op)
    inputs = [None if index < 0 else _value(graph, op, index, values) for index in op.inputs]
    return operator.evaluate(graph, op, inputs)


def _value(graph: Graph, op: Op, index: int, values: Mapping[int, np.ndarray]) -> np.ndarray:
    tensor = graph.tensors[index]
    if tensor.data is not None:
        return tensor.data
    if index not in values:
        raise ModelError(f"{graph.describe(op)} reads tensor {index} {quoted(tensor.name)}, which has no value yet")
    return _checked(f"tensor {index} {quoted(tensor.name)}", values[index], tensor.shape, tensor.dtype)


def _checked(what: str, value: np.ndarray, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != shape or array.dtype != dtype:
        raise ModelError(f"{what} must be {dtype} of shape {shape}, not {array.dtype} of shape {array.shape}")
    return array


def run_all(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """Run a network and keep every value.

    Parameters
    ----------
    inputs
        One array for each of `graph.inputs`, of its shape and type.

    Returns
    -------
    dict
        Tensor index to value: the inputs, and what every operator made.

    Raises
    ------
    UnsupportedOperator
        An operator is not in the golden model.
    ModelError
        The network is no int8 network, or the inputs do not fit it.
    """
    graph.check_int8()
    graph.validate()
    if len(inputs) != len(graph.inputs):
        raise ModelError(f"{graph.name} takes {len(graph.inputs)} inputs, not {len(inputs)}")
    values: dict[int, np.ndarray] = {}
    for position, (index, value) in enumerate(zip(graph.inputs, inputs, strict=True)):
        tensor = graph.tensors[index]
        values[index] = _checked(f"input {position} of {graph.name}", value, tensor.shape, tensor.dtype)
    for op in graph.ops:
        outputs = evaluate(graph, op, values)
        values.update(zip(op.outputs, outputs, strict=True))
    return values


def run(graph: Graph, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a network, in the order of `graph.outputs`; otherwise as `run_all`."""
    values = run_all(graph, inputs)
    constants = {i: t.data for i, t in graph.constants() if t.data is not None}
    return [values[index] if index in values else constants[index] for index in graph.outputs]
