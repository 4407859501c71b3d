# SPDX-License-Identifier: Apache-2.0
"""What a compilation can end with besides a program."""

__all__ = ["CompileError", "TilingError", "VerifierError"]


class CompileError(ValueError):
    """A network that this core cannot run; one line says what is needed and what there is."""


class TilingError(CompileError):
    """A tiling that cannot be: what is wrong with it, and with which stage or layer. It is never run."""


class VerifierError(RuntimeError):
    """A compiler pass left something wrong behind: a bug in the compiler. The message names the pass."""
