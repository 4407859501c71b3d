# SPDX-License-Identifier: Apache-2.0
"""Files a command reads and writes: inputs of a network in, results out, whole or not at all."""

import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from celosia.model.graph import Tensor
from celosia.runtime.errors import InputError
from celosia.runtime.inputs import Batch, split_batch
from celosia.runtime.whole_file import write_whole

from .errors import ArgumentError

__all__ = ["check_writable", "random_inputs", "read_inputs", "write_npz"]


def read_inputs(path: Path, tensors: Sequence[Tensor]) -> Batch:
    """The inferences a file asks for.

    Parameters
    ----------
    path
        A .npy for a network with one input, or a .npz with arrays in0, in1, … (others in it are left alone).
        Each array is one input or a batch, as `celosia.runtime.inputs.split_batch` takes them.
    tensors
        The network's inputs.

    Raises
    ------
    InputError
        The file is no such file, or an array has another shape or type; the message says which it needs.
    OSError
        The file cannot be read.
    """
    arrays = _arrays(path, len(tensors))
    try:
        return split_batch(tensors, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _arrays(path: Path, count: int) -> list[np.ndarray]:
    """The arrays of a .npy or .npz file, one for each of the network's inputs."""
    try:
        with open(path, "rb") as file:
            content = np.load(file, allow_pickle=False)
            single = isinstance(content, np.ndarray)
            arrays = {"in0": content} if single else {name: content[name] for name in content.files}
    except (ValueError, EOFError, zipfile.BadZipFile):
        message = f"{path}: not a .npy or .npz file of numbers: write it with numpy.save or numpy.savez"
        raise InputError(message) from None
    names = [f"in{i}" for i in range(count)]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise InputError(
            f"{path}: the network takes {', '.join(names)}, and {missing[0]} is not in the file (it has "
            f"{', '.join(arrays) or 'nothing'}): write it with numpy.savez"
        )
    return [arrays[name] for name in names]


def random_inputs(seed: int, tensors: Sequence[Tensor]) -> Batch:
    """One inference, every value equally likely; the same for the same seed."""
    rng = np.random.default_rng(seed)

    def draw(tensor: Tensor) -> np.ndarray:
        values = np.iinfo(tensor.dtype)
        return rng.integers(values.min, values.max, tensor.shape, dtype=tensor.dtype, endpoint=True)

    return Batch([[draw(tensor) for tensor in tensors]], None)


def check_writable(path: Path | None) -> None:
    """Find out before the work whether a result can be written there.

    Raises
    ------
    ArgumentError
        The folder does not exist or does not let itself be written to, or the path is a folder.
    """
    if path is None:
        return
    if path.is_dir():
        raise ArgumentError(f"{path}: is a folder: give the name of a file in it")
    if not path.parent.is_dir():
        raise ArgumentError(f"{path}: there is no folder {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise ArgumentError(f"{path}: the folder {path.parent} cannot be written to: choose another")


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write a .npz file, whole or not at all: when it cannot be written, what was at `path` stays.

    Raises
    ------
    OSError
        It cannot be written.
    """
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    write_whole(path, content.getvalue())
