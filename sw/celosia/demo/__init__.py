# SPDX-License-Identifier: Apache-2.0
"""A network that comes with Celosia: it reads the scanned handwritten digits that scikit-learn ships.

`python -m celosia.demo.train` made the two data files, and makes them again.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = ["IMAGES", "MODEL", "Digits", "digits"]

MODEL = Path(__file__).parent / "digits.tflite"
"""The network: int8, 1x8x8x1 greys to 1x10 scores."""

IMAGES = Path(__file__).parent / "digits.npz"
"""Images that training never saw: `in0`, int8 (n, 8, 8, 1), the network's input, and `labels`, int8 (n,)."""


@dataclass(frozen=True, eq=False)
class Digits:
    """`images` int8 (n, 8, 8, 1), −128 black to 127 white, and `labels` (n,), 0 to 9."""

    images: np.ndarray
    labels: np.ndarray


def digits() -> Digits:
    """The images of `IMAGES`."""
    with np.load(IMAGES, allow_pickle=False) as file:
        return Digits(file["in0"], file["labels"])
