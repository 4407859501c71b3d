# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a board's name and a running board."""

__all__ = ["BuildError", "TooSlowError"]


class BuildError(ValueError):
    """A bitstream that cannot be built or loaded; one line says why, and what to do."""


class TooSlowError(BuildError):
    """The router gave up looking for wires that are in time."""
