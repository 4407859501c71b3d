# SPDX-License-Identifier: Apache-2.0
"""The functional simulator: commands executed in numpy, at once, with the cycles that timing predicts."""

from .errors import UndefinedCommandError
from .transport import FunctionalTransport

__all__ = ["FunctionalTransport", "UndefinedCommandError"]
