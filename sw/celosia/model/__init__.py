# SPDX-License-Identifier: Apache-2.0
"""Networks: a small graph, and readers and writers of the formats they come in."""

from .errors import ModelError
from .graph import Graph, Op, Quantization, Tensor
from .tflite import load
from .tflite_writer import save

__all__ = ["Graph", "ModelError", "Op", "Quantization", "Tensor", "load", "save"]
