# SPDX-License-Identifier: Apache-2.0
"""Just enough of a training framework for the demo: float convolutions, gradients and Adam, in numpy.

Layouts are TFLite's: images NHWC, convolution weights OHWI, fully-connected weights (out, in).
Each layer keeps what its backward pass needs from the last forward pass.
"""

import numpy as np

from celosia.model.graph import same_padding

__all__ = ["Adam", "Conv", "Dense", "relu", "softmax_loss"]


class Dense:
    """Fully connected: x @ weights.T + bias, x of shape (images, inputs)."""

    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int):
        self.weights = rng.normal(0, np.sqrt(2 / inputs), (outputs, inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)
        self.gradients = [self.weights, self.bias]

    @property
    def parameters(self) -> list[np.ndarray]:
        """The arrays that training changes in place, in the order of `gradients`."""
        return [self.weights, self.bias]

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.weights.T + self.bias

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """The loss's gradient by x, from its gradient by the output; `gradients` are set."""
        self.gradients = [dy.T @ self.x, dy.sum(0)]
        return dy @ self.weights


class Conv:
    """A convolution with SAME padding, as one matrix product over the gathered windows.

    Parameters
    ----------
    kernel, stride
        In pixels, the same in both directions.
    """

    def __init__(self, rng: np.random.Generator, inputs: int, outputs: int, kernel: int, stride: int = 1):
        self.kernel, self.stride = kernel, stride
        deviation = np.sqrt(2 / (kernel * kernel * inputs))
        self.weights = rng.normal(0, deviation, (outputs, kernel, kernel, inputs)).astype(np.float32)
        self.bias = np.zeros(outputs, np.float32)
        self.gradients = [self.weights, self.bias]

    @property
    def parameters(self) -> list[np.ndarray]:
        """The arrays that training changes in place, in the order of `gradients`."""
        return [self.weights, self.bias]

    def _window(self, padded: np.ndarray, ky: int, kx: int) -> np.ndarray:
        """A view of the pixels that kernel tap (ky, kx) meets."""
        rows = slice(ky, ky + (self.height - 1) * self.stride + 1, self.stride)
        columns = slice(kx, kx + (self.width - 1) * self.stride + 1, self.stride)
        return padded[:, rows, columns]

    def forward(self, x: np.ndarray) -> np.ndarray:
        images, height, width, channels = x.shape
        self.height, top, bottom = same_padding(height, self.kernel, self.stride, 1, "SAME")
        self.width, left, right = same_padding(width, self.kernel, self.stride, 1, "SAME")
        self.inside = np.s_[:, top : top + height, left : left + width]
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
        self.padded_shape = padded.shape
        taps = [self._window(padded, ky, kx) for ky in range(self.kernel) for kx in range(self.kernel)]
        self.columns = np.stack(taps, axis=3).reshape(-1, self.kernel * self.kernel * channels)
        y = self.columns @ self.weights.reshape(len(self.weights), -1).T + self.bias
        return y.reshape(images, self.height, self.width, -1)

    def backward(self, dy: np.ndarray) -> np.ndarray:
        """The loss's gradient by x, from its gradient by the output; `gradients` are set."""
        flat = dy.reshape(-1, len(self.weights))
        self.gradients = [(flat.T @ self.columns).reshape(self.weights.shape), flat.sum(0)]
        taps = flat @ self.weights.reshape(len(self.weights), -1)
        taps = taps.reshape(*dy.shape[:3], self.kernel, self.kernel, -1)
        dx = np.zeros(self.padded_shape, np.float32)
        for ky in range(self.kernel):
            for kx in range(self.kernel):
                self._window(dx, ky, kx)[...] += taps[:, :, :, ky, kx]
        return dx[self.inside]


class Adam:
    """Adam (Kingma and Ba, 2015) with decoupled weight decay, over arrays changed in place."""

    def __init__(self, parameters: list[np.ndarray], decay: float = 0.0):
        self.parameters, self.decay, self.step = parameters, decay, 0
        self.mean = [np.zeros_like(p) for p in parameters]
        self.square = [np.zeros_like(p) for p in parameters]

    def update(self, gradients: list[np.ndarray], rate: float) -> None:
        """One step along `gradients`, in the order of the parameters."""
        self.step += 1
        for p, g, m, v in zip(self.parameters, gradients, self.mean, self.square, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            unbiased = m / (1 - 0.9**self.step), v / (1 - 0.999**self.step)
            p -= rate * (unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8) + self.decay * p)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def softmax_loss(logits: np.ndarray, labels: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean cross entropy over the images, and its gradient by the logits."""
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    picked = np.arange(len(labels)), labels
    loss = float(-np.log(p[picked] + 1e-12).mean())
    p[picked] -= 1
    return loss, p / len(labels)
