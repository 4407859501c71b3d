# SPDX-License-Identifier: Apache-2.0
"""What is exported, imported and exported again is the same file, and the same work."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.exchange import FORMATS, Layer, Span, export, network_of, read, workload_of
from celosia.exchange.files import Exported
from celosia.exchange.workload import chained
from celosia.model import Graph, load, save
from exchange.drawn import every_kind, spans, workloads


def imported(files: Exported) -> Graph:
    """The network of exported files, as a .tflite file holds it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in files.items():
            (folder / file).write_text(text)
        whole = next(iter(files)) in ("topology.csv", "workload.yaml")
        _, layers = read(folder / next(iter(files)) if whole else folder)
        save(network_of(layers, "imported"), folder / "imported.tflite")
        return load(folder / "imported.tflite")


@pytest.mark.parametrize("form", FORMATS)
@given(st.data())
@settings(max_examples=25, deadline=None)
def test_of_any_workload(form, data):
    drawn = data.draw(workloads(simple=form == "scalesim"))
    first = export(network_of(drawn, "drawn"), form)
    network = imported(first)
    assert export(network, form) == first
    assert network.total_macs() == sum(layer.macs for layer in drawn)


@pytest.mark.parametrize("form", FORMATS)
def test_of_a_network_with_everything(form):
    graph = every_kind()
    first = export(graph, form)
    network = imported(first)
    assert export(network, form) == first
    assert network.total_macs() == graph.total_macs()


def test_zigzag_keeps_what_reads_what():
    graph = every_kind()
    network = imported(export(graph, "zigzag"))
    kinds = [op.kind for op in network.ops if op.kind not in ("PAD", "RESHAPE")]
    assert kinds == [op.kind for op in graph.ops if op.kind not in ("PAD", "RESHAPE", "SOFTMAX")]
    assert [network.tensors[i].shape for i in network.inputs] == [(1, 14, 16, 3), (1, 3, 3, 24)]
    assert len(network.outputs) == 2


@given(workloads())
@settings(max_examples=30, deadline=None)
def test_a_network_has_the_layers_it_was_made_of(drawn):
    def facts(layer: Layer):
        kind = "dense" if layer.kind == "conv" and layer.input_shape[1:3] == (1, 1) else layer.kind
        return kind, layer.batch, layer.channels, layer.filters, layer.y, layer.x, layer.sources

    found = workload_of(network_of(drawn, "drawn"))
    assert [facts(layer) for layer in found] == [facts(layer) for layer in drawn]


@given(spans(), st.integers(1, 40))
@settings(max_examples=100, deadline=None)
def test_a_span_over_another_size(span, size):
    found = span.over(size)
    if found is None:
        assert not -span.stride < span.covered - size < span.extent
    else:
        assert (found.out, found.covered) == (span.out, span.covered)
        assert max(0, span.covered - size) == found.before + found.after
        assert 0 <= found.after - found.before <= 1


def test_layers_chain_where_padding_makes_them_fit():
    def layer(out: int, kernel: int, channels: int, stride: int = 1) -> Layer:
        return Layer(
            name="x",
            kind="conv",
            channels=channels,
            filters=8,
            y=Span(out, kernel, stride),
            x=Span(out, kernel, stride),
        )

    fits, too_large, other = layer(8, 3, 8), layer(8, 5, 8, 2), layer(8, 3, 4)
    layers = chained([layer(8, 1, 3), fits, too_large, other])
    assert [each.sources for each in layers] == [(None,), (0,), (None,), (None,)]
    assert (layers[1].y.before, layers[1].y.after, layers[1].y.size) == (1, 1, 8)
    assert layers[2] == too_large


@pytest.mark.parametrize(
    ("values", "what"), [({"out": 0}, "out must"), ({"kernel": 0}, "kernel must"), ({"before": 1}, "padding of 1")]
)
def test_no_span(values, what):
    with pytest.raises(ValueError, match=what):
        Span(**values)
