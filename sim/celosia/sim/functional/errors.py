# SPDX-License-Identifier: Apache-2.0
"""What stops a program, and what no program may ask for."""

from celosia.arch.isa import ErrorCause
from celosia.runtime.errors import TransportError

__all__ = ["StopError", "UndefinedCommandError"]


class StopError(Exception):
    """The machine stops with an error cause, as hardware does."""

    def __init__(self, cause: ErrorCause):
        super().__init__(cause.name)
        self.cause = cause


class UndefinedCommandError(TransportError):
    """A command outside the contract, whose effect on hardware is not defined: a bug of whoever made it."""
