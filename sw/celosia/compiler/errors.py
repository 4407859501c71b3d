# SPDX-License-Identifier: Apache-2.0
"""What a compilation can end with besides a program."""

__all__ = ["CompileError", "VerifierError"]


class CompileError(ValueError):
    """A network that this core cannot run; one line says what is needed and what there is."""


class VerifierError(RuntimeError):
    """A compiler pass left something wrong behind: a bug in the compiler. The message names the pass."""
