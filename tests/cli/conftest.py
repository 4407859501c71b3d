# SPDX-License-Identifier: Apache-2.0
"""The command line in this process, and networks to give to it."""

from functools import partial

import numpy as np
import pytest
import tflite

from celosia.demo import MODEL, digits
from celosia.model import Graph, Op, Quantization, Tensor, save
from celosia.model.graph import FullyConnected
from support.command_line import command


@pytest.fixture
def celosia(capfd, monkeypatch):
    """Runs the command line in this process; stdout and stderr are those of the process."""
    monkeypatch.setenv("COLUMNS", "120")

    return partial(command, capfd)


@pytest.fixture
def model():
    return MODEL


@pytest.fixture
def sample(tmp_path):
    """One digit, as the network takes it."""
    path = tmp_path / "x.npy"
    np.save(path, digits().images[:1])
    return path


@pytest.fixture
def unknown_operator(tmp_path):
    """The demo's network with an operator in place of SOFTMAX that nobody computes."""
    data = bytearray(MODEL.read_bytes())
    root = tflite.Model.GetRootAs(data, 0)
    for index in range(root.OperatorCodesLength()):
        code = root.OperatorCodes(index)
        assert code is not None
        if code.BuiltinCode() == tflite.BuiltinOperator.SOFTMAX:
            for field, size in ((4, 1), (10, 4)):  # deprecated_builtin_code, builtin_code
                place = code._tab.Pos + code._tab.Offset(field)
                data[place : place + size] = tflite.BuiltinOperator.SIN.to_bytes(size, "little")
    path = tmp_path / "unknown.tflite"
    path.write_bytes(data)
    return path


@pytest.fixture
def dense(tmp_path):
    """Writes a network of one fully connected layer, of any size and types."""

    def write(inputs: int, outputs: int, activation: str = "int8", weights: str = "int8"):
        scale = None if activation == "float32" else Quantization((0.5,), (0,))
        tensors = [
            Tensor("x", (1, inputs), activation, None, scale),
            Tensor("w", (outputs, inputs), weights, np.ones((outputs, inputs), weights), scale),
            Tensor("y", (1, outputs), activation, None, scale),
        ]
        op = Op("FULLY_CONNECTED", (0, 1), (2,), FullyConnected(), "y")
        path = tmp_path / f"dense_{activation}_{inputs}x{outputs}.tflite"
        save(Graph("dense", tensors, [op], (0,), (2,)), path)
        return path

    return write
