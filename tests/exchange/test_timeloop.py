# SPDX-License-Identifier: Apache-2.0
"""Timeloop's problems: their syntax, names of their own, and what is no layer."""

import pytest

from celosia.exchange import ExchangeError
from celosia.exchange.document import load
from celosia.exchange.timeloop import problem_in, read

CONV = """
problem:
  version: 0.4
  shape:
    name: "CNN_Layer"
    dimensions: [ R, S, P, Q, C, K, N ]
    coefficients:
      - name: Wstride
        default: 1
      - name: Hstride
        default: 1
      - name: Wdilation
        default: 1
    data_spaces:
      - name: Weights
        projection:
          - [ [C] ]
          - [ [K] ]
          - [ [R] ]
          - [ [S] ]
      - name: Inputs
        projection:
          - [ [N] ]
          - [ [C] ]
          - [ [R, Wdilation], [P, Wstride] ] # a sum of products
          - [ [S], [Q, Hstride] ]
      - name: Outputs
        projection: [ [ [N] ], [ [K] ], [ [Q] ], [ [P] ] ]
        read_write: True
  instance: { R: 5, S: 3, P: 10, Q: 6, C: 4, K: 8, N: 1, Wstride: 2, H: 99, Hpad: 1 }
"""

MATRICES = """
problem:
  shape:
    name: GEMM-ABZ
    dimensions: [M, N, K]
    data_spaces:
    - {name: Weights, projection: [[[K]], [[N]]]}
    - {name: Inputs, projection: [[[M]], [[K]]]}
    - {name: Outputs, projection: [[[M]], [[N]]], read_write: true}
  instance: {M: 6, N: 10, K: 32}
"""

LINE = """
problem:
  shape:
    name: Conv1D
    dimensions: [R, P]
    data_spaces:
    - {name: Weights, projection: [[[R]]]}
    - {name: Inputs, projection: [[[R], [P]]]}
    - {name: Outputs, projection: [[[P]]], read_write: true}
  instance: {R: 3, P: 16}
"""


def test_a_convolution_with_names_of_its_own(write_file):
    problem = problem_in(load(write_file("p.yaml", CONV)))
    layer = problem.layer
    assert (layer.kind, layer.channels, layer.filters, layer.batch) == ("conv", 4, 8, 1)
    assert (layer.y.out, layer.y.kernel, layer.y.stride) == (6, 3, 1)
    assert (layer.x.out, layer.x.kernel, layer.x.stride, layer.x.dilation) == (10, 5, 2, 1)
    assert (problem.names.rows, problem.names.columns, problem.names.filters) == ("Q", "P", "K")


def test_rows_are_what_the_coefficients_say(write_file):
    turned = CONV.replace("Wstride", "xstride").replace("Hstride", "Wstride").replace("xstride", "Hstride")
    layer = problem_in(load(write_file("p.yaml", turned))).layer
    assert (layer.y.out, layer.x.out, layer.y.stride) == (10, 6, 2)


def test_matrices_and_lines(write_file):
    layer = problem_in(load(write_file("gemm.yaml", MATRICES))).layer
    assert (layer.kind, layer.batch, layer.filters, layer.channels) == ("dense", 6, 10, 32)
    layer = problem_in(load(write_file("line.yaml", LINE))).layer
    assert (layer.kind, layer.channels, layer.x.out, layer.x.kernel, layer.y.out) == ("conv", 1, 16, 3, 1)


def test_a_depthwise_problem_has_channels_in_its_outputs(write_file):
    text = (
        CONV.replace("          - [ [K] ]\n", "")
        .replace("[ [K] ]", "[ [C] ]")
        .replace(", K,", ",")
        .replace("K: 8, ", "")
    )
    layer = problem_in(load(write_file("dw.yaml", text))).layer
    assert (layer.kind, layer.channels, layer.filters, layer.macs) == ("depthwise", 4, 4, 4 * 60 * 15)


def test_a_folder_is_layers_in_the_order_of_names(write_file, tmp_path):
    write_file("2.yaml", CONV)
    write_file("1.yaml", MATRICES)
    write_file("architecture.yaml", "architecture:", "  nodes:", "  - !Component {name: DRAM}")
    assert [layer.kind for layer in read(tmp_path)] == ["dense", "conv"]
    for file in tmp_path.glob("[12].yaml"):
        file.unlink()
    with pytest.raises(ExchangeError, match=r"no \.yaml file in this folder has a problem"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("K: 8,", "", r"p.yaml, line \d+, key 'instance': has no 'K'"),
        ("K: 8", "K: 0", "key 'K': must be a whole number of at least 1"),
        ("name: Outputs", "name: Sums", "Weights, Inputs and Outputs are needed"),
        ("[R, Wdilation]", "[Z, Wdilation]", "must be one of the dimensions"),
        ("[ [S], [Q, Hstride] ]", "[ [S], [C] ]", r"S \+ C: a sum must be of a window's dimension"),
        ("          - [ [K] ]\n", "", "no convolution, depthwise convolution or matrix product"),
        ("problem:", "problems:", "has no 'problem'"),
    ],
)
def test_no_problem(write_file, before, after, what):
    assert before in CONV
    with pytest.raises(ExchangeError, match=what):
        problem_in(load(write_file("p.yaml", CONV.replace(before, after, 1))))
