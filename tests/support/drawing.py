# SPDX-License-Identifier: Apache-2.0
"""What random networks of one operator are drawn from."""

from collections.abc import Sequence

import numpy as np

from celosia.model.graph import Attributes, Graph, Op, Quantization, Tensor

__all__ = [
    "ACTIVATIONS",
    "PADDINGS",
    "constant",
    "draw_scale",
    "draw_shape",
    "draw_value",
    "like",
    "near",
    "random_inputs",
    "single",
]

ACTIVATIONS = ("NONE", "NONE", "RELU", "RELU6", "RELU_N1_TO_1")
PADDINGS = ("SAME", "VALID")


def single(kind: str, attributes: Attributes, inputs: Sequence[Tensor | None], *outputs: Tensor) -> Graph:
    """A graph of one operator; the inputs without data are the graph's inputs."""
    tensors: list[Tensor] = []
    indices = []
    for tensor in inputs:
        indices.append(-1 if tensor is None else len(tensors))
        if tensor is not None:
            tensors.append(tensor)
    given = tuple(i for i, t in enumerate(tensors) if t.data is None)
    made = tuple(range(len(tensors), len(tensors) + len(outputs)))
    tensors.extend(outputs)
    return Graph(kind.lower(), tensors, [Op(kind, tuple(indices), made, attributes, outputs[0].name)], given, made)


def random_inputs(rng: np.random.Generator, graph: Graph) -> list[np.ndarray]:
    """Uniform int8 values for every input of a graph."""
    return [rng.integers(-128, 128, graph.tensors[i].shape, np.int8) for i in graph.inputs]


def draw_shape(rng: np.random.Generator, largest: int, rank: int = 4) -> tuple[int, ...]:
    """One image's shape, or another of `rank` dimensions, the first of them 1."""
    return (1, *(int(n) for n in rng.integers(1, largest + 1, rank - 1)))


def near(rng: np.random.Generator, scale: float, lowest: float, highest: float) -> float:
    """`scale`, times 2 to a power between `lowest` and `highest`, as float32."""
    return float(np.float32(scale * 2 ** rng.uniform(lowest, highest)))


def like(tensor: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
    """A value with the scale and zero point of `tensor`."""
    return Tensor(name, shape, "int8", None, tensor.quantization)


def draw_value(rng: np.random.Generator, name: str, shape: tuple[int, ...], scale: float | None = None) -> Tensor:
    """An int8 value with a random zero point, at the ends of the range one time in three."""
    zero_point = int(rng.choice([-128, 127, 0, *rng.integers(-128, 128, 3).tolist()]))
    quantization = Quantization((draw_scale(rng) if scale is None else scale,), (zero_point,))
    return Tensor(name, shape, "int8", None, quantization)


def draw_scale(rng: np.random.Generator) -> float:
    """A scale from 1/512 to 1/2."""
    return float(np.float32(2 ** rng.uniform(-9, -1)))


def constant(name: str, values: int | Sequence[int] | np.ndarray, dtype: str = "int32") -> Tensor:
    """A constant without a scale."""
    data = np.asarray(values, dtype)
    return Tensor(name, data.shape, dtype, data)
