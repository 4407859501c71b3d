# SPDX-License-Identifier: Apache-2.0
"""Train, quantize, check and write the demo's network: ``python -m celosia.demo.train``.

Data: scikit-learn's digits, 1797 scans of 8x8 pixels (the test part of UCI's "Optical Recognition of
Handwritten Digits"), split at random: HELD_OUT are never trained on or calibrated with. The accuracy
printed is the int8 network's on those, computed by `celosia.golden`. The images shipped are the first of
them, right or wrong. The same numpy on the same machine writes the same bytes.
"""

import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from celosia.golden import run
from celosia.model import Graph, save

from . import IMAGES, MODEL
from .network import train
from .quantize import quantize, quantize_images

__all__ = ["accuracy", "build", "main"]

SEED = 1
HELD_OUT = 360
SHIPPED = 16
EPOCHS = 60


def load() -> tuple[np.ndarray, np.ndarray]:
    """Every image (n, 8, 8, 1), float32 between 0 and 1, and its label, in an order drawn with SEED."""
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(labels))
    return (pixels[order].reshape(-1, 8, 8, 1) / 16).astype(np.float32), labels[order]


def accuracy(graph: Graph, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of `images` (n, 8, 8, 1), float, whose best score is that of their label."""
    inputs = quantize_images(images)
    answers = [int(run(graph, [image[None]])[0].argmax()) for image in inputs]
    return float(np.mean(np.array(answers) == labels))


def build(epochs: int = EPOCHS) -> tuple[Graph, float, float]:
    """The int8 network, the float network's accuracy on the held-out images, and the int8 network's."""
    images, labels = load()

    def report(epoch: int, loss: float) -> None:
        if (epoch + 1) % 10 == 0:
            print(f"epoch {epoch + 1:3} of {epochs}: mean loss {loss:.3f}")

    network = train(images[HELD_OUT:], labels[HELD_OUT:], seed=SEED, epochs=epochs, progress=report)
    logits = network.forward(images[:HELD_OUT])["head"]
    float_accuracy = float(np.mean(logits.argmax(1) == labels[:HELD_OUT]))
    graph = quantize(network, images[HELD_OUT:], "digits", "Celosia's demo: handwritten digits, 8x8, int8")
    return graph, float_accuracy, accuracy(graph, images[:HELD_OUT], labels[:HELD_OUT])


def main(model: Path = MODEL, shipped: Path = IMAGES) -> None:
    """Write the network to `model` and the images to `shipped`; say how good it is."""
    start = time.perf_counter()
    graph, float_accuracy, int8_accuracy = build()
    save(graph, model)
    images, labels = load()
    np.savez_compressed(shipped, in0=quantize_images(images[:SHIPPED]), labels=labels[:SHIPPED].astype(np.int8))
    print(
        f"{HELD_OUT} held-out images: {float_accuracy:.1%} right in float, {int8_accuracy:.1%} in int8; "
        f"{graph.total_macs():,} MACs; {time.perf_counter() - start:.0f} s"
    )
    print(f"wrote {model} and {shipped}")


if __name__ == "__main__":
    main()
