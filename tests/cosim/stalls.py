# SPDX-License-Identifier: Apache-2.0
"""When the models hold back: idle cycles and back-pressure, by the random generator of the test."""

from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = ["CHANNELS", "stall"]

CHANNELS = ("aw", "w", "b", "ar", "r")

_SHARES = (0.0, 0.15, 0.5, 0.85)
_LONGEST = (1, 4, 30)


def _pauses(rng: np.random.Generator, share: float, longest: int) -> Iterator[bool]:
    """Runs of up to ``longest`` cycles; of the runs, about ``share`` are pauses."""
    while True:
        pause = bool(rng.random() < share)
        for _ in range(int(rng.integers(1, longest + 1))):
            yield pause


def stall(model: Any, rng: np.random.Generator, shares: tuple[float, ...] = _SHARES) -> None:
    """Give each channel of a cocotbext-axi model a share of pauses of its own; it lasts as long as the test.

    Parameters
    ----------
    model:
        A master or a slave: anything with ``write_if`` and ``read_if``.
    shares:
        To draw from.
    """
    for channel in CHANNELS:
        half = model.write_if if channel in ("aw", "w", "b") else model.read_if
        share = float(rng.choice(shares))
        if share:
            stalled = np.random.default_rng(rng.integers(1 << 62))
            pauses = _pauses(stalled, share, int(rng.choice(_LONGEST)))
            getattr(half, f"{channel}_channel").set_pause_generator(pauses)
