# SPDX-License-Identifier: Apache-2.0
"""What is measured of a network: cycles, bytes, the roof, and the topology others read."""

import numpy as np
import pytest

from celosia import compiler, golden
from celosia.arch.config import preset
from celosia.arch.isa import Opcode, decode, encode
from celosia.arch.timing.program import predict
from celosia.bench import measure
from celosia.bench.roofline import Roof
from celosia.bench.traffic import bytes_read, layer_bytes
from celosia.demo import MODEL, digits
from celosia.exchange.scalesim import products, render
from celosia.model import load
from celosia.runtime import Device
from celosia.runtime.program import ArrayStep
from celosia.sim import open_transport


def test_figures_agree_with_each_other(measurement):
    config, program, figures = measurement
    graph = load(MODEL)
    assert figures.exact
    assert figures.cycles == figures.predicted == program.predicted
    assert figures.macs == graph.total_macs()
    assert figures.ideal == figures.macs / config.macs_per_cycle <= figures.cycles
    assert figures.utilization == pytest.approx(figures.ideal / figures.cycles)
    assert [layer.op for layer in figures.layers] == [op.kind for op in graph.ops]
    assert sum(layer.ideal for layer in figures.layers) == pytest.approx(figures.ideal)
    assert all(layer.place == "host" and layer.op != "RESHAPE" for layer in figures.on_host)
    assert figures.host_macs == 0


def test_a_wrong_bit_is_not_exact(monkeypatch):
    config, graph = preset("c64"), load(MODEL)
    monkeypatch.setattr(golden, "run", lambda graph, inputs: [np.zeros((1, 10), np.int8)])
    with Device(open_transport("functional", config)) as device:
        assert not measure("d", graph, compiler.compile(graph, config), device, [digits().images[:1]]).exact


def test_bytes_of_a_convolution():
    command = decode(
        encode(Opcode.CONV, kernel_h=3, kernel_w=1, chunks=2, n_tiles=4, output_h=5, output_w=7, last_columns=1)
    )
    tiles = 3 * 1 * 2 * 4
    assert bytes_read(preset("c64"), command) == tiles * 8 * 8 + tiles * 5 * 7 * 8


def test_bytes_are_those_of_the_vectors_that_the_timing_model_counts(measurement):
    """Both count the same vectors, from the same fields, on their own."""
    config, program, figures = measurement
    end = decode(encode(Opcode.END))
    checked = 0
    for step in program.steps:
        for command in program.segment(step.start) if isinstance(step, ArrayStep) else ():
            if command["opcode"] not in (Opcode.CONV, Opcode.DEPTHWISE):
                assert bytes_read(config, command) == 0
                continue
            vectors = predict(config, [command | {"waits": {}}, end]).vectors
            each = config.rows if command["opcode"] is Opcode.CONV else 2 * config.down_channels
            weights = bytes_read(config, command) - vectors * each
            assert weights > 0
            assert weights % config.macs_per_cycle == 0
            checked += 1
    assert checked
    assert [layer_bytes(program)[i] for i in range(len(figures.layers))] == [f.bytes_read for f in figures.layers]


def test_roof():
    roof = Roof(preset("c256"))
    assert (roof.peak, roof.weight_bytes, roof.activation_bytes, roof.bandwidth) == (256, 32, 16, 48)
    assert roof.attainable(roof.ridge) == pytest.approx(roof.peak)
    assert roof.attainable(1) == 48
    assert roof.attainable(1000) == 256


def test_products_do_every_mac_of_the_network(separable):
    for graph in (separable, load(MODEL)):
        assert sum(product.macs for product in products(graph)) == graph.total_macs()
    deep, point = products(separable)
    assert (deep.m, deep.n, deep.k, deep.repeats, deep.op) == (36, 1, 9, 4, "DEPTHWISE_CONV_2D")
    assert (point.m, point.n, point.k, point.repeats, point.op) == (36, 8, 4, 1, "CONV_2D")


def test_topology_is_a_line_a_product(separable):
    assert render(products(separable)) == "Layer, M, N, K,\n0_deep_wise, 36, 1, 9,\n1_point, 36, 8, 4,\n"
