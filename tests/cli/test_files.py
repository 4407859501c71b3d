# SPDX-License-Identifier: Apache-2.0
"""Inputs in every form they may come in, and files that appear whole or not at all."""

import numpy as np
import pytest

from celosia.cli.errors import ArgumentError
from celosia.cli.files import check_writable, random_inputs, read_inputs, write_npz
from celosia.model.graph import Quantization, Tensor
from celosia.runtime.errors import InputError

IMAGE = Tensor("image", (1, 2, 3), "int8", None, Quantization((0.5,), (3,)))
VECTOR = Tensor("vector", (4,), "int8", None, Quantization((0.5,), (3,)))


def test_one_input_or_a_batch(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((1, 2, 3), np.int8))
    assert read_inputs(path, [IMAGE]).form is None
    np.save(path, np.arange(30, dtype=np.int8).reshape(5, 1, 2, 3))
    batch = read_inputs(path, [IMAGE])
    assert [inference[0].ravel()[0] for inference in batch.inferences] == [0, 6, 12, 18, 24]


def test_several_inputs(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, in1=np.ones((5, 4), np.int8), in0=np.zeros((5, 1, 2, 3), np.int8), labels=np.zeros(9))
    read = read_inputs(path, [IMAGE, VECTOR])
    assert [[array.shape for array in arrays] for arrays in read.inferences] == [[(1, 2, 3), (4,)]] * 5
    assert read.inferences[0][1].tolist() == [1] * 4


def test_refusals(tmp_path):
    def refusal(array, tensors=(IMAGE,), name="x.npy"):
        path = tmp_path / name
        if isinstance(array, bytes):
            path.write_bytes(array)
        elif isinstance(array, dict):
            np.savez(path, **array)
        else:
            np.save(path, array)
        with pytest.raises(InputError) as caught:
            read_inputs(path, tensors)
        assert str(path) in str(caught.value)
        return str(caught.value)

    assert "input 0 'image' must be int8, not float32" in refusal(np.zeros((1, 2, 3), np.float32))
    assert "must have shape (1, 2, 3)" in refusal(np.zeros((1, 3, 2), np.int8))
    assert "empty batch" in refusal(np.zeros((0, 1, 2, 3), np.int8))
    assert "not a .npy or .npz file" in refusal(b"")
    assert "not a .npy or .npz file" in refusal(b"\x93NUMPY\x01\x00")
    assert "not a .npy or .npz file" in refusal(b"PK\x03\x04 and no more", name="x.npz")
    assert "not a .npy or .npz file" in refusal(np.array([{}], dtype=object))
    missing = refusal({"in0": np.zeros((1, 2, 3), np.int8), "b": np.zeros(3)}, [IMAGE, VECTOR], "x.npz")
    assert "takes in0, in1, and in1 is not in the file (it has in0, b)" in missing
    uneven = {"in0": np.zeros((2, 1, 2, 3), np.int8), "in1": np.zeros((3, 4), np.int8)}
    assert "batches of the same size" in refusal(uneven, [IMAGE, VECTOR], "x.npz")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_inputs(tmp_path / "none.npy", [IMAGE])


def test_random_inputs_are_seeded_and_use_every_value():
    wide = Tensor("wide", (1, 5000), "int8", None, Quantization((1.0,), (0,)))
    first, again, other = (random_inputs(seed, [wide]).inferences[0][0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert (first.min(), first.max(), first.dtype) == (-128, 127, np.int8)


def test_check_writable(tmp_path):
    check_writable(None)
    check_writable(tmp_path / "y.npz")
    with pytest.raises(ArgumentError, match="there is no folder"):
        check_writable(tmp_path / "none" / "y.npz")
    with pytest.raises(ArgumentError, match="is a folder"):
        check_writable(tmp_path)


def test_write_npz_is_all_or_nothing(tmp_path):
    path = tmp_path / "outputs"
    write_npz(path, {"out0": np.arange(3)})
    write_npz(path, {"out0": np.arange(4)})
    with np.load(path) as file:
        assert file["out0"].tolist() == [0, 1, 2, 3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["outputs"]
    with pytest.raises(ValueError, match="allow_pickle"):
        write_npz(path, {"out0": np.array([{}], dtype=object)})
    with np.load(path) as file:
        assert file["out0"].tolist() == [0, 1, 2, 3]
    assert [entry.name for entry in tmp_path.iterdir()] == ["outputs"]
