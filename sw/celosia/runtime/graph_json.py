# SPDX-License-Identifier: Apache-2.0
"""A graph as plain JSON values, constants aside."""

import dataclasses
from typing import Any

import numpy as np

from celosia.model import attributes
from celosia.model.attributes import Attributes
from celosia.model.graph import Graph, Op, Quantization, Tensor

__all__ = ["graph_from_json", "graph_to_json"]

_KINDS: dict[str, type[Attributes]] = {
    name: kind
    for name in attributes.__all__
    if isinstance(kind := getattr(attributes, name), type) and issubclass(kind, Attributes)
}


def graph_to_json(graph: Graph) -> dict[str, Any]:
    """``graph`` without the data of its constants."""
    return {
        "name": graph.name,
        "description": graph.description,
        "inputs": list(graph.inputs),
        "outputs": list(graph.outputs),
        "tensors": [_tensor_to_json(tensor) for tensor in graph.tensors],
        "ops": [
            {
                "kind": op.kind,
                "name": op.name,
                "inputs": list(op.inputs),
                "outputs": list(op.outputs),
                "attributes": [type(op.attributes).__name__, dataclasses.asdict(op.attributes)],
            }
            for op in graph.ops
        ],
    }


def _tensor_to_json(tensor: Tensor) -> dict[str, Any]:
    quantization = tensor.quantization
    return {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "dtype": tensor.dtype,
        "variable": tensor.variable,
        "quantization": None if quantization is None else dataclasses.asdict(quantization),
    }


def graph_from_json(values: dict[str, Any], constants: dict[int, np.ndarray]) -> Graph:
    """The graph, with the data of the tensors in ``constants``.

    Raises
    ------
    KeyError, TypeError, ValueError
        ``values`` is not what :func:`graph_to_json` made.
    """
    graph = Graph(
        name=str(values["name"]),
        description=str(values["description"]),
        inputs=_indices(values["inputs"]),
        outputs=_indices(values["outputs"]),
        tensors=[_tensor_from_json(t, constants.get(i)) for i, t in enumerate(values["tensors"])],
        ops=[_op_from_json(op) for op in values["ops"]],
    )
    count = len(graph.tensors)
    for index in (*graph.inputs, *graph.outputs, *(i for op in graph.ops for i in op.outputs)):
        if not 0 <= index < count:
            raise ValueError(f"tensor {index} does not exist")
    for index in (i for op in graph.ops for i in op.inputs):
        if not -1 <= index < count:
            raise ValueError(f"tensor {index} does not exist")
    return graph


def _indices(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(isinstance(v, int) for v in values):
        raise ValueError(f"expected a list of integers, not {values!r}")
    return tuple(values)


def _tensor_from_json(values: dict[str, Any], data: np.ndarray | None) -> Tensor:
    shape, quantization = _indices(values["shape"]), values["quantization"]
    if any(size < 0 for size in shape):
        raise ValueError(f"a shape must not be negative, not {shape}")
    return Tensor(
        name=str(values["name"]),
        shape=shape,
        dtype=str(values["dtype"]),
        data=None if data is None else data.reshape(shape),
        variable=bool(values["variable"]),
        quantization=None
        if quantization is None
        else Quantization(tuple(quantization["scale"]), tuple(quantization["zero_point"]), quantization["axis"]),
    )


def _op_from_json(values: dict[str, Any]) -> Op:
    kind, fields = values["attributes"]
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return Op(
        kind=str(values["kind"]),
        name=str(values["name"]),
        inputs=_indices(values["inputs"]),
        outputs=_indices(values["outputs"]),
        attributes=_KINDS[kind](**fields),
    )
