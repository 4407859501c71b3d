# SPDX-License-Identifier: Apache-2.0
"""ADD, exactly as :class:`celosia.arch.isa.Add` defines it."""

from typing import Any

import numpy as np

from celosia.arch.config import Config
from celosia.arch.isa import ADD_LEFT_SHIFT
from celosia.golden.quantize import multiply_by_quantized_multiplier, requantize, wrap_int32

from .conv import MAX_EXPONENT, MIN_EXPONENT
from .errors import UndefinedCommandError
from .memories import Memories

__all__ = ["run_add"]


def run_add(config: Config, memories: Memories, f: dict[str, Any]) -> None:
    """Execute one decoded ADD.

    Raises
    ------
    UndefinedCommandError
        It asks for what the contract does not define.
    """
    activations = memories.activations
    size = f["lines"] * config.line_bytes
    for name in ("address_a", "address_b", "output_address"):
        if f[name] % config.line_bytes or f[name] + size > len(activations):
            raise UndefinedCommandError(f"ADD.{name} {f[name]} is no line with {f['lines']} lines after it")
    for name in ("exponent_a", "exponent_b", "exponent_out"):
        if not MIN_EXPONENT <= f[name] <= MAX_EXPONENT:
            raise UndefinedCommandError(f"ADD.{name} must be {MIN_EXPONENT} to {MAX_EXPONENT}, not {f[name]}")
    terms = [_term(activations[f[f"address_{name}"] :][:size], f, name) for name in "ab"]
    result = requantize(
        wrap_int32(terms[0].astype(np.int64) + terms[1]),
        _multiplier(f, "out"),
        f["exponent_out"],
        f["zero_point_out"],
        f["activation_min"],
        f["activation_max"],
    )
    activations[f["output_address"] :][:size] = result


def _term(x: np.ndarray, f: dict[str, Any], name: str) -> np.ndarray:
    shifted = wrap_int32((x.astype(np.int64) - f[f"zero_point_{name}"]) << ADD_LEFT_SHIFT)
    return multiply_by_quantized_multiplier(shifted, _multiplier(f, name), f[f"exponent_{name}"])


def _multiplier(f: dict[str, Any], name: str) -> int:
    """The unsigned field as the int32 it holds."""
    return int(np.uint32(f[f"multiplier_{name}"]).astype(np.int32))
