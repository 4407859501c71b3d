# SPDX-License-Identifier: Apache-2.0
"""The slow simulator, with nothing to build: a core on Amaranth's own."""

from .transport import PysimTransport

__all__ = ["PysimTransport"]
