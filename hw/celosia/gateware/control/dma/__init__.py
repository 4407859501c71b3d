# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE: strided copies between external and local memory, side by side with the computation."""

from .dma import Dma

__all__ = ["Dma"]
