# SPDX-License-Identifier: Apache-2.0
"""From a quantized network to a program, one pass a file: :mod:`.pipeline` has their order."""

from .errors import CompileError, TilingError, VerifierError
from .passes.place import PLACES, CheckRow
from .pipeline import check, compile, strategy_names
from .strategies import STRATEGIES, Strategy

__all__ = [
    "PLACES", "STRATEGIES", "CheckRow", "CompileError", "Strategy", "TilingError", "VerifierError", "check", "compile",
    "strategy_names",
]  # fmt: skip
