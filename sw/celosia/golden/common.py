# SPDX-License-Identifier: Apache-2.0
"""What the operators share: access to their tensors with the checks that make an error name the operator."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from celosia.model.errors import ModelError, quoted
from celosia.model.graph import Graph, Op, Tensor

from .quantize import quantize_multipliers

__all__ = ["Inputs", "UnsupportedOperator", "int8_input", "int8_output", "multipliers", "require"]

Inputs = Sequence[np.ndarray | None]
"""The values of an operator's inputs, None where one is absent."""

_MAX_EXPONENT = 30


class UnsupportedOperator(ModelError):  # noqa: N818 - it reads as what it tells, in a traceback too
    """An operator, or a variant of one, that the golden model does not compute."""


def require(graph: Graph, op: Op, position: int) -> Tensor:
    """Input number `position` of `op`. Raises ModelError when it is absent."""
    tensor = graph.input(op, position)
    if tensor is None:
        raise ModelError(f"{graph.describe(op)} has no input {position}: the model is damaged, export it again")
    return tensor


def int8_input(graph: Graph, op: Op, position: int = 0) -> Tensor:
    """Input number `position` of `op`, an int8 tensor with one scale. Raises ModelError when it is not."""
    return _check_int8(graph, op, require(graph, op, position))


def int8_output(graph: Graph, op: Op) -> Tensor:
    """The output of `op`, an int8 tensor with one scale. Raises ModelError when it is not."""
    return _check_int8(graph, op, graph.output(op))


def _check_int8(graph: Graph, op: Op, tensor: Tensor) -> Tensor:
    if tensor.dtype != "int8":
        raise UnsupportedOperator(
            f"{graph.describe(op)} works on {tensor.dtype} tensor {quoted(tensor.name)}, "
            f"and only int8 is supported: quantize the network to int8"
        )
    try:
        usable = tensor.scale > 0
    except ModelError as error:
        raise ModelError(f"{graph.describe(op)}: {error}") from None
    if not usable:
        raise ModelError(f"{graph.describe(op)}: tensor {quoted(tensor.name)} has scale 0: quantize the network again")
    return tensor


def multipliers(graph: Graph, op: Op, real: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """`quantize_multipliers`, with a ModelError that names `op` for values no real network has."""
    try:
        multiplier, exponent = quantize_multipliers(real)
    except ValueError as error:
        raise ModelError(f"{graph.describe(op)}: {error}: quantize the network again") from None
    if exponent.size and exponent.max() > _MAX_EXPONENT:
        raise ModelError(
            f"{graph.describe(op)}: its scales need a left shift of {exponent.max()} bits, more than "
            f"{_MAX_EXPONENT}: quantize the network again"
        )
    return multiplier, exponent
