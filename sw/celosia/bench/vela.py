# SPDX-License-Identifier: Apache-2.0
"""Arm Ethos-U's cycles, from its compiler Vela (the package ``ethos-u-vela``)."""

import csv
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from .errors import BenchError

__all__ = ["TOOL", "vela_cycles", "version"]

TOOL = "ethos-u-vela"

KINDS = {"AvgPool": "AVERAGE_POOL_2D", "MaxPool": "MAX_POOL_2D", "Conv2D": "CONV_2D", "Conv2DBias": "CONV_2D",
         "DepthwiseConv2D": "DEPTHWISE_CONV_2D", "DepthwiseConv2DBias": "DEPTHWISE_CONV_2D"}  # fmt: skip
"""Vela's names where they are not TFLite's in another spelling."""


def version(command: str) -> str | None:
    """The version of Vela that `command` is; None where there is none."""
    if shutil.which(command) is None:
        return None
    return subprocess.run([command, "--version"], capture_output=True, text=True, check=False).stdout.strip() or None


def vela_cycles(command: str, options: Mapping[str, str], model: Path) -> dict[str, int]:
    """What Vela estimates for one inference, by kind of the operators in the file.

    Parameters
    ----------
    options
        Of the command line, without their dashes.

    Raises
    ------
    BenchError
        Vela fails, or the operators' cycles do not add up to the network's.
    """
    with tempfile.TemporaryDirectory(prefix="celosia-") as name:
        folder = Path(name)
        flags = [f"--{option}={value}" for option, value in options.items()]
        arguments = [command, *flags, "--verbose-performance", "--output-dir", name, str(model)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        layers, summaries = sorted(folder.glob("*_per-layer.csv")), sorted(folder.glob("*_summary_*.csv"))
        if done.returncode or not layers or not summaries:
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise BenchError(f"vela cannot estimate {model}: {lines[-1] if lines else 'it gives no reason'}")
        return _read(layers[0], summaries[0])


def _read(layers: Path, summary: Path) -> dict[str, int]:
    """Cycles by kind, checked against the sum that Vela gives itself."""
    cycles: Counter[str] = Counter()
    with open(layers, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            cycles[_kind(row["Original Operator"])] += round(float(row["Op Cycles"]))
    with open(summary, newline="", encoding="utf-8") as file:
        total = round(float(next(csv.DictReader(file))["cycles_total"]))
    if cycles.total() != total:
        raise BenchError(f"vela: the operators of {layers.stem} take {cycles.total()} cycles together, not {total}")
    return {kind: count for kind, count in cycles.items() if count}


def _kind(name: str) -> str:
    """FullyConnected as FULLY_CONNECTED."""
    return KINDS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
