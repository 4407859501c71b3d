# SPDX-License-Identifier: Apache-2.0
"""From a quantized network to a program, one pass a file: :mod:`.pipeline` has their order."""

from .errors import CompileError, VerifierError
from .passes.place import PLACES, CheckRow
from .pipeline import check, compile
from .strategies import STRATEGIES, Strategy

__all__ = [
    "PLACES", "STRATEGIES", "CheckRow", "CompileError", "Strategy", "VerifierError", "check", "compile",
]  # fmt: skip
