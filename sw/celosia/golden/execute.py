# SPDX-License-Identifier: Apache-2.0
"""Running operators and whole graphs, value by value."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from celosia.model.attributes import Other
from celosia.model.errors import ModelError, quoted
from celosia.model.graph import Graph, Op

from .add import add, sub
from .common import Inputs, UnsupportedOperator
from .conv import conv_2d
from .depthwise import depthwise_conv_2d
from .fully_connected import fully_connected
from .mean import mean
from .movement import concatenation, pad, reshape, transpose
from .mul import mul
from .pool import average_pool_2d, max_pool_2d
from .requantize import requantize_op
from .softmax import softmax

__all__ = ["evaluate", "run", "run_all", "supported"]

_OPERATORS: dict[str, Callable[[Graph, Op, Inputs], list[np.ndarray]]] = {
    "ADD": add,
    "AVERAGE_POOL_2D": average_pool_2d,
    "CONCATENATION": concatenation,
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "FULLY_CONNECTED": fully_connected,
    "MAX_POOL_2D": max_pool_2d,
    "MEAN": mean,
    "MUL": mul,
    "PAD": pad,
    "QUANTIZE": requantize_op,
    "RELU": requantize_op,
    "RELU6": requantize_op,
    "RESHAPE": reshape,
    "SOFTMAX": softmax,
    "SUB": sub,
    "TRANSPOSE": transpose,
}


def supported(kind: str) -> bool:
    """Whether the golden model computes operators of `kind`."""
    return kind in _OPERATORS


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
    if op.kind not in _OPERATORS or isinstance(op.attributes, Other):
        variant = " in this variant" if op.kind in _OPERATORS else ""
        raise UnsupportedOperator(
            f"{graph.describe(op)} is not supported{variant}: replace it in the network by "
            f"{', '.join(_OPERATORS)}"
        )
    inputs = [None if index < 0 else _value(graph, op, index, values) for index in op.inputs]
    return _OPERATORS[op.kind](graph, op, inputs)


def _value(graph: Graph, op: Op, index: int, values: Mapping[int, np.ndarray]) -> np.ndarray:
    tensor = graph.tensors[index]
    if tensor.data is not None:
        return tensor.data
    if index not in values:
        raise ModelError(
            f"{graph.describe(op)} reads tensor {index} {quoted(tensor.name)}, which has no value yet"
        )
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
