# SPDX-License-Identifier: Apache-2.0
"""The demo's network in floating point, and its training.

image 8x8x1 ── conv 3x3 ── conv 3x3 /2 ──┬── conv 3x3 ──(+)── conv 1x1 ── average ── dense ── digit
               8x8x16      4x4x32        └──────────────┘     4x4x64      64        10
"""

from collections.abc import Callable

import numpy as np

from .layers import Adam, Conv, Dense, relu, softmax_loss

__all__ = ["Network", "train"]


class Network:
    """Five layers with weights, in the order data passes them: `stem`, `down`, `inner`, `wide`, `head`."""

    def __init__(self, rng: np.random.Generator):
        self.stem = Conv(rng, 1, 16, kernel=3)
        self.down = Conv(rng, 16, 32, kernel=3, stride=2)
        self.inner = Conv(rng, 32, 32, kernel=3)
        self.wide = Conv(rng, 32, 64, kernel=1)
        self.head = Dense(rng, 64, 10)

    @property
    def layers(self) -> list[Conv | Dense]:
        return [self.stem, self.down, self.inner, self.wide, self.head]

    def forward(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Every value by name, of images (n, 8, 8, 1) between 0 and 1; `head` holds the logits."""
        values = {"image": images}
        values["stem"] = relu(self.stem.forward(images))
        values["down"] = relu(self.down.forward(values["stem"]))
        values["inner"] = self.inner.forward(values["down"])
        values["sum"] = relu(values["inner"] + values["down"])
        values["wide"] = relu(self.wide.forward(values["sum"]))
        values["average"] = values["wide"].mean((1, 2))
        values["head"] = self.head.forward(values["average"])
        return values

    def backward(self, values: dict[str, np.ndarray], gradient: np.ndarray) -> None:
        """Set every layer's gradients, from `forward`'s values and the gradient by the logits."""
        wide = values["wide"]
        d = self.head.backward(gradient)[:, None, None] / (wide.shape[1] * wide.shape[2])
        d = self.wide.backward(np.broadcast_to(d, wide.shape) * (wide > 0))
        d = d * (values["sum"] > 0)
        d = (d + self.inner.backward(d)) * (values["down"] > 0)
        d = self.down.backward(d) * (values["stem"] > 0)
        self.stem.backward(d)


def shifted(rng: np.random.Generator, images: np.ndarray) -> np.ndarray:
    """Each image moved by −1, 0 or 1 pixel in both directions, black where nothing was."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = images.shape[1:3]
    result = np.empty_like(images)
    for i, (y, x) in enumerate(rng.choice(3, (len(images), 2), p=(0.15, 0.7, 0.15))):
        result[i] = padded[i, y : y + height, x : x + width]
    return result


def train(
    images: np.ndarray, labels: np.ndarray, *, seed: int, epochs: int, progress: Callable[[int, float], None]
) -> Network:
    """A network trained on `images` (n, 8, 8, 1) between 0 and 1 with `labels` 0 to 9.

    `progress` is told each epoch's number and mean loss. The same arguments give the same network on the same
    machine and numpy.
    """
    rng = np.random.default_rng(seed)
    network = Network(rng)
    adam = Adam([p for layer in network.layers for p in layer.parameters], decay=0.01)
    batch, steps = 64, -(-len(images) // 64)
    for epoch in range(epochs):
        order, losses = rng.permutation(len(images)), []
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            values = network.forward(shifted(rng, images[chosen]))
            loss, gradient = softmax_loss(values["head"], labels[chosen])
            network.backward(values, gradient)
            rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * (epoch + step / steps) / epochs))
            adam.update([g for layer in network.layers for g in layer.gradients], rate)
            losses.append(loss)
        progress(epoch, float(np.mean(losses)))
    return network
