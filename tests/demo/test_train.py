# SPDX-License-Identifier: Apache-2.0
"""The demo's training: gradients against differences, and what it ships."""

import numpy as np
import pytest

from celosia.demo import IMAGES, MODEL, digits
from celosia.demo.layers import Adam, Conv, Dense, softmax_loss
from celosia.demo.network import Network, shifted, train
from celosia.demo.quantize import quantize, quantize_images
from celosia.demo.train import HELD_OUT, SHIPPED, accuracy, build
from celosia.demo.train import load as load_digits
from celosia.model import load, save


def difference(function, array, index, step=1e-2):
    """The derivative of `function()` by `array[index]`, from two values of it."""
    kept = array[index]
    array[index] = kept + step
    above = function()
    array[index] = kept - step
    below = function()
    array[index] = kept
    return (above - below) / (2 * step)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [5, 6])
def test_conv_gradients_are_the_differences(stride, size):
    rng = np.random.default_rng(7)
    conv = Conv(rng, 3, 4, kernel=3, stride=stride)
    x = rng.normal(size=(2, size, size, 3)).astype(np.float32)
    pick = rng.normal(size=conv.forward(x).shape).astype(np.float32)

    def loss():
        return float((conv.forward(x) * pick).sum())

    conv.forward(x)
    dx = conv.backward(pick)
    weights, bias = conv.gradients
    assert dx.shape == x.shape
    for index in [(0, 0, 0, 0), (1, 2, 3, 1), (0, size - 1, size - 1, 2)]:
        assert dx[index] == pytest.approx(difference(loss, x, index), rel=1e-2, abs=1e-2)
    for index in [(0, 0, 0, 0), (3, 2, 1, 2), (1, 1, 1, 1)]:
        assert weights[index] == pytest.approx(difference(loss, conv.weights, index), rel=1e-2, abs=1e-2)
    assert bias[2] == pytest.approx(difference(loss, conv.bias, 2), rel=1e-2, abs=1e-2)


def test_network_gradients_are_the_differences():
    rng = np.random.default_rng(3)
    network = Network(rng)
    images = rng.random((4, 8, 8, 1), dtype=np.float32)
    labels = np.array([1, 7, 0, 3])

    def loss():
        return softmax_loss(network.forward(images)["head"], labels)[0]

    values = network.forward(images)
    network.backward(values, softmax_loss(values["head"], labels)[1])
    for layer in network.layers:
        index = np.unravel_index(np.abs(layer.gradients[0]).argmax(), layer.weights.shape)
        expected = difference(loss, layer.weights, index, 1e-3)
        assert layer.gradients[0][index] == pytest.approx(expected, rel=5e-2)


def test_adam_finds_a_minimum():
    dense = Dense(np.random.default_rng(0), 3, 1)
    adam = Adam(dense.parameters)
    x = np.eye(3, dtype=np.float32)
    target = np.array([[1.0], [-2.0], [3.0]], np.float32)
    for _ in range(400):
        dense.backward(dense.forward(x) - target)
        adam.update(dense.gradients, 0.05)
    assert np.abs(dense.forward(x) - target).max() < 0.05


def test_shifted_moves_by_at_most_a_pixel():
    image = np.zeros((50, 8, 8, 1), np.float32)
    image[:, 4, 4] = 1
    places = np.argwhere(shifted(np.random.default_rng(0), image))[:, 1:3]
    assert len(places) == 50
    assert np.abs(places - 4).max() == 1


def test_training_is_reproducible_and_survives_quantization(tmp_path):
    images, labels = load_digits()

    def small(seed):
        network = train(images[:512], labels[:512], seed=seed, epochs=6, progress=lambda *_: None)
        save(quantize(network, images[:512], "digits", ""), tmp_path / "digits.tflite")
        return (tmp_path / "digits.tflite").read_bytes(), network

    (first, network), (second, _) = small(5), small(5)
    assert first == second
    graph = load(tmp_path / "digits.tflite")
    expected = network.forward(images[512:576])["head"].argmax(1)
    assert accuracy(graph, images[512:576], expected) > 0.95


def test_weights_stay_symmetric():
    graph = load(MODEL)
    for _, tensor in graph.constants():
        if tensor.dtype == "int8":
            assert tensor.data is not None
            assert tensor.data.min() >= -127


def test_shipped_images_are_the_first_held_out_ones():
    images, labels = load_digits()
    shipped = digits()
    assert len(shipped.labels) == SHIPPED <= HELD_OUT
    assert np.array_equal(shipped.images, quantize_images(images[:SHIPPED]))
    assert np.array_equal(shipped.labels, labels[:SHIPPED])
    assert IMAGES.stat().st_size < 4096


def test_shipped_network_reads_held_out_digits():
    images, labels = load_digits()
    assert accuracy(load(MODEL), images[:HELD_OUT], labels[:HELD_OUT]) >= 0.96


def test_build_reports_both_accuracies(capsys):
    graph, float_accuracy, int8_accuracy = build(epochs=10)
    assert "epoch  10 of 10" in capsys.readouterr().out
    assert graph.total_macs() == load(MODEL).total_macs()
    assert float_accuracy > 0.9
    assert int8_accuracy > 0.9
