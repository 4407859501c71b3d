# SPDX-License-Identifier: Apache-2.0
"""Inputs as a caller gives them: one inference or a batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from celosia.model.graph import Tensor

from .errors import InputError

__all__ = ["Batch", "split_batch", "stack_outputs"]


@dataclass(frozen=True)
class Batch:
    """The inputs of each inference, and how outputs are put together.

    ``form`` is None for a single inference, "stack" for a new leading axis, "join" for the network's own
    leading axis of 1.
    """

    inferences: list[list[np.ndarray]]
    form: str | None


def split_batch(tensors: Sequence[Tensor], inputs: np.ndarray | Sequence[np.ndarray]) -> Batch:
    """Cut inputs into inferences.

    Parameters
    ----------
    tensors:
        The network's inputs.
    inputs:
        One array for each (an array alone where there is one input). Each has its tensor's shape; or that
        with an axis of N in front; or, if the tensor's leading axis is 1, N in its place.

    Raises
    ------
    InputError
        A number, shape or type does not fit.
    """
    arrays = [inputs] if isinstance(inputs, np.ndarray) else [np.asarray(array) for array in inputs]
    if len(arrays) != len(tensors):
        raise InputError(f"the network takes {len(tensors)} inputs, not {len(arrays)}")
    forms = {_form(number, tensor, array) for number, (tensor, array) in enumerate(zip(tensors, arrays, strict=True))}
    if len(forms) != 1:
        raise InputError("all inputs must be single, or batches of the same size")
    form, count = forms.pop()
    if form is None:
        return Batch([arrays], None)
    rows = [[array[i].reshape(t.shape) for t, array in zip(tensors, arrays, strict=True)] for i in range(count)]
    return Batch(rows, form)


def _form(number: int, tensor: Tensor, array: np.ndarray) -> tuple[str | None, int]:
    what = f"input {number} {tensor.name!r}"
    if array.dtype != np.dtype(tensor.dtype):
        raise InputError(f"{what} must be {tensor.dtype}, not {array.dtype}: quantize it with the network's scale")
    if array.shape == tensor.shape:
        return None, 1
    if array.ndim and not len(array):
        raise InputError(f"{what} is an empty batch")
    if array.shape[1:] == tensor.shape:
        return "stack", len(array)
    if tensor.shape[:1] == (1,) and array.ndim and array.shape[1:] == tensor.shape[1:]:
        return "join", len(array)
    raise InputError(f"{what} must have shape {tensor.shape}, or a batch axis before it, not {array.shape}")


def stack_outputs(outputs: list[list[np.ndarray]], form: str | None) -> list[np.ndarray]:
    """The outputs of every inference, put together as ``form`` (:class:`Batch`) says."""
    if form is None:
        return outputs[0]
    columns = [list(column) for column in zip(*outputs, strict=True)]
    if form == "join":
        return [np.concatenate(c) if c[0].shape[:1] == (1,) else np.stack(c) for c in columns]
    return [np.stack(column) for column in columns]
