# SPDX-License-Identifier: Apache-2.0
"""What a run comes to."""

from dataclasses import dataclass, field

import numpy as np

__all__ = ["Layer", "Result"]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator of one inference.

    Parameters
    ----------
    place:
        "array", "lanes" or "host".
    cycles:
        How much later its last command finished than those of all layers before it; 0 on the host; None when
        the device does not report when commands finish.
    predicted:
        The same, as :mod:`celosia.arch.timing` predicts it.
    utilization:
        Of the array's multipliers, during these cycles: macs / (cycles · R · C).
    seconds:
        The host's time; 0 on the device.
    """

    name: str
    op: str
    place: str
    cycles: int | None
    predicted: int
    macs: int
    utilization: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a program made of its inputs.

    Parameters
    ----------
    outputs:
        One array for each output of the network, with a leading axis if the inputs were a batch.
    cycles:
        Of one inference (the first of a batch), from the hardware's counter, added up over its array steps.
        What the host computed is not in it; it is listed in ``layers``.
    macs:
        Multiply-accumulates of one inference that the array did.
    utilization:
        macs / (cycles · R · C).
    predicted:
        What ``cycles`` was predicted to be.
    seconds:
        The host's share of one inference.
    inferences:
        Size of the batch.
    """

    outputs: list[np.ndarray]
    cycles: int
    macs: int
    utilization: float
    predicted: int
    seconds: float
    inferences: int
    layers: list[Layer] = field(default_factory=list)
