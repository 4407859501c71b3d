# SPDX-License-Identifier: Apache-2.0
"""From a board's name to a bitstream on the board, with tools that pip installs."""

from .errors import BuildError
from .flow import Built, build

__all__ = ["BuildError", "Built", "build"]
