# SPDX-License-Identifier: Apache-2.0
"""The real models and reference outputs that lie beside the checkout, in ../shared."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from celosia.model import Graph, load

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

SMALL = (
    "mlpt_ad_toycar",
    "mlpt_ic_resnet8",
    "mlpt_kws_dscnn",
    "mlpt_sww_strm",
    "mlpt_vww_mbv1_025",
    "tflm_hello_world_int8",
    "tflm_micro_speech",
)
LARGE = ("cfu_mnv2_160_035", "tflm_mbv2_1.0_224_pt")
MODELS = SMALL + LARGE


def model_path(name: str) -> Path:
    """The .tflite file of a shared model; skips the test where it is absent."""
    path = SHARED / "models" / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"the model {name} is not in {SHARED}: the shared models are not part of the repository")
    return path


@cache
def _load(path: Path) -> Graph:
    return load(path)


def model(name: str) -> Graph:
    """A shared model, read once: do not change it. Skips the test where it is absent."""
    return _load(model_path(name))


def reference(name: str, limit: int | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """(input, output) pairs of a shared model as TFLM computed them; at most about `limit`, evenly spread.

    Skips the test where they are absent.
    """
    path = SHARED / "reference" / f"{name}.npz"
    if not path.is_file():
        pytest.skip(f"the reference of {name} is not in {SHARED}: it is not part of the repository")
    pairs: list[tuple[Any, Any]] = []
    with np.load(path) as arrays:
        for kind in ("random", "real"):
            if f"{kind}_in0" in arrays:
                both = list(zip(arrays[f"{kind}_in0"], arrays[f"{kind}_out0"], strict=True))
                pairs += both[:: max(1, len(both) // limit)] if limit else both
    return pairs
