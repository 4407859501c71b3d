# SPDX-License-Identifier: Apache-2.0
"""The executable specification: numpy operators with the bits of TensorFlow Lite for Microcontrollers."""

from .common import UnsupportedOperator
from .execute import check, evaluate, run, run_all, supported

__all__ = ["UnsupportedOperator", "check", "evaluate", "run", "run_all", "supported"]
