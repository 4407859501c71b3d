# SPDX-License-Identifier: Apache-2.0
"""SCALE-Sim's topology: its syntax, its rounding, and what it has no fields for."""

import numpy as np
import pytest

from celosia.exchange import ExchangeError, Layer, Span, network_of, workload_of
from celosia.exchange.scalesim import HEADER, read, write
from celosia.fuzz.builder import Builder


def test_a_file_as_people_write_it(write_file):
    path = write_file(
        "net.csv",
        "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,",
        "",
        "First  ,12, 12,   3, 3,   3, 8,  2,",
        "\tmiddle_DP1 , 5,5, 3,3, 8, 1, 1, # a remark",
        "point one, 5, 5, 1, 1, 8, 16, 1, 1:1,",
        "last,1,1,1,1,16,10,1",
        "",
    )
    first, depthwise, point, last = read(path)
    assert first == Layer(name="First", kind="conv", channels=3, filters=8, y=Span(6, 3, 2), x=Span(6, 3, 2))
    assert (depthwise.kind, depthwise.name, depthwise.filters, depthwise.y.out) == ("depthwise", "middle_DP1", 8, 3)
    assert depthwise.sources == (None,)  # of 6 rows, the last would be left
    assert (point.name, point.sources, point.y.before, point.y.after) == ("point_one", (None,), 0, 0)
    assert last.macs == 160


def test_outputs_are_rounded_up_as_scalesim_does(write_file):
    path = write_file("net.csv", HEADER, "Conv1, 224, 224, 7, 7, 3, 64, 2,")
    (layer,) = read(path)
    assert (layer.y.out, layer.y.covered) == (110, 225)
    assert layer.macs == 110 * 110 * 49 * 3 * 64  # num_mac in scalesim/topology_utils.py
    assert write_again([layer]) == f"{HEADER}\nConv1, 225, 225, 7, 7, 3, 64, 2,\n"


def write_again(layers):
    return write(workload_of(network_of(layers, "again")))


def test_layers_that_fit_are_a_chain_with_padding(write_file):
    layers = read(write_file("net.csv", HEADER, "a, 10, 10, 3, 3, 3, 8, 1,", "b, 10, 10, 3, 3, 8, 8, 1,"))
    network = network_of(layers, "chain")
    assert [network.tensors[i].shape for i in network.inputs] == [(1, 10, 10, 3)]
    assert [getattr(op.attributes, "padding", "") for op in network.ops] == ["VALID", "SAME"]


def test_matrix_products(write_file):
    layers = read(write_file("gemm.csv", "Layer, M, N, K,", "qkv, 256, 128, 64,", "out, 256, 64, 128, 1:1,"))
    assert [(x.kind, x.batch, x.filters, x.channels) for x in layers] == [
        ("dense", 256, 128, 64),
        ("dense", 256, 64, 128),
    ]
    assert layers[1].sources == (0,)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("a, 8, 8, 3, 3, 4, 8, 0,", "line 3: Strides must be a positive whole number, not '0'"),
        ("a, 8, 8, 3, x, 4, 8, 1,", "line 3: Filter Width must be a positive whole number, not 'x'"),
        ("a, 8, 8, 3, 3,", "line 3: 6 fields, and a layer has a name, IFMAP Height"),
        ("a, 2, 8, 3, 3, 4, 8, 1,", "line 3: a filter of 3x3 is larger than the input of 2x8"),
        ("a, 8, 8, 3, 3, 4, 8, 1, 2:4,", "line 3: sparsity 2:4"),
    ],
)
def test_a_line_that_is_no_layer(write_file, line, what):
    with pytest.raises(ExchangeError, match=what) as error:
        read(write_file("bad.csv", HEADER, "fine, 8, 8, 3, 3, 4, 8, 1,", line))
    assert "bad.csv" in str(error.value)


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([], "no layers"),
        ([HEADER], "no layers"),
        (["a, 8, 8, 3, 3, 4, 8, 1,", "b, 8, 8, 3, 3, 4, 8, 1,"], "line 1: a layer where SCALE-Sim skips the header"),
        (["Layer, M, N, K,", "x, 2, 3, 4, 8,"], "a batch of 8 products"),
    ],
)
def test_no_topology(write_file, lines, what):
    with pytest.raises(ExchangeError, match=what):
        read(write_file("bad.csv", *lines))


def test_names_hold_dp_where_layers_are_depthwise_only():
    def layer(name: str, kind: str) -> Layer:
        return Layer(name=name, kind=kind, channels=4, filters=4)

    text = write([layer("ADPCM", "conv"), layer("dw", "depthwise"), layer("xDP", "depthwise")])
    assert [line.split(",")[0] for line in text.splitlines()[1:]] == ["ADpCM", "DP_dw", "xDP"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"y": Span(4, 3, 2), "x": Span(4, 3, 1)}, "layer a has strides 2 and 1"),
        ({"y": Span(4, 3, 1, 2)}, "layer a has dilation"),
        ({"batch": 2}, "layer a has a batch of 2"),
    ],
)
def test_what_has_no_field_is_refused(changes, what):
    layer = Layer(name="a", kind="conv", channels=4, filters=4, **changes)
    with pytest.raises(ExchangeError, match=f"{what}.*timeloop or zigzag"):
        write([layer])


def test_a_stride_that_is_never_made_does_not_matter():
    layer = Layer(name="a", kind="conv", channels=4, filters=4, y=Span(9, 3, 2), x=Span(1, 3, 1))
    assert write([layer]).splitlines()[1] == "a, 19, 3, 3, 3, 4, 4, 2,"


def test_networks_without_a_workload():
    b = Builder(np.random.default_rng(0))
    with pytest.raises(ExchangeError, match="nothing in it multiplies"):
        workload_of(b.output(b.softmax(b.input(1, 8))))
