# SPDX-License-Identifier: Apache-2.0
"""The fast simulator: a core as compiled C++, made by Verilator."""

from .transport import VerilatorTransport

__all__ = ["VerilatorTransport"]
