# SPDX-License-Identifier: Apache-2.0
"""An ideal systolic array's cycles, from SCALE-Sim (the package ``scalesim``, which may live in another Python)."""

import csv
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from celosia.exchange.scalesim import products, render
from celosia.model import Graph

from .errors import BenchError

__all__ = ["TOOL", "scalesim_cycles", "version"]

TOOL = "scalesim"

SECTIONS = {
    "general": {"run_name": "run"},
    "architecture_presets": {
        "ArrayHeight": "16",
        "ArrayWidth": "16",
        "IfmapSramSzkB": "1024",
        "FilterSramSzkB": "1024",
        "OfmapSramSzkB": "1024",
        "IfmapOffset": "0",
        "FilterOffset": "10000000",
        "OfmapOffset": "20000000",
        "Dataflow": "ws",
        "Bandwidth": "10",
        "ReadRequestBuffer": "32",
        "WriteRequestBuffer": "32",
    },
    "layout": {
        "IfmapCustomLayout": "False",
        "IfmapSRAMBankBandwidth": "10",
        "IfmapSRAMBankNum": "10",
        "IfmapSRAMBankPort": "2",
        "FilterCustomLayout": "False",
        "FilterSRAMBankBandwidth": "10",
        "FilterSRAMBankNum": "10",
        "FilterSRAMBankPort": "2",
    },
    "sparsity": {"SparsitySupport": "False"},
    "run_presets": {"InterfaceBandwidth": "CALC", "UseRamulatorTrace": "False"},
}
"""A configuration file, every key that SCALE-Sim insists on. With CALC nothing waits for a memory."""

RUN = """
import sys
from scalesim.scale_sim import scalesim
config, topology, folder = sys.argv[1:]
scalesim(
    save_disk_space=True, verbose=False, config=config, topology=topology, layout=topology, input_type_gemm=True
).run_scale(top_path=folder)
"""

VERSION = "import importlib.metadata as m; print(m.version('scalesim'))"


def version(python: str) -> str | None:
    """The version of SCALE-Sim in that Python; None where there is none."""
    if shutil.which(python) is None:
        return None
    return subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False).stdout.strip() or None


def scalesim_cycles(python: str, options: Mapping[str, str], graph: Graph) -> dict[str, int]:
    """What SCALE-Sim counts for one inference, by kind of operator.

    Parameters
    ----------
    python
        An interpreter that can import scalesim.
    options
        Keys of the configuration file that differ from `SECTIONS`.

    Raises
    ------
    BenchError
        SCALE-Sim fails, or there is no such key.
    """
    layers = products(graph)
    with tempfile.TemporaryDirectory(prefix="celosia-") as name:
        folder = Path(name)
        (folder / "run.cfg").write_text(configuration(options))
        (folder / "topology.csv").write_text(render(layers))
        arguments = [python, "-c", RUN, "run.cfg", "topology.csv", "."]
        done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
        report = folder / SECTIONS["general"]["run_name"] / "COMPUTE_REPORT.csv"
        if done.returncode or not report.exists():
            lines = (done.stdout + done.stderr).strip().splitlines()
            raise BenchError(f"scalesim cannot run {graph.name}: {lines[-1] if lines else 'it gives no reason'}")
        each = _read(report)
    if len(each) != len(layers):
        raise BenchError(f"scalesim reported {len(each)} layers of {graph.name}, not {len(layers)}")
    cycles: Counter[str] = Counter()
    for layer, count in zip(layers, each, strict=True):
        cycles[layer.op] += count * layer.repeats
    return dict(cycles)


def configuration(options: Mapping[str, str]) -> str:
    """The text of a configuration file.

    Raises
    ------
    BenchError
        SCALE-Sim has no such key.
    """
    unknown = [key for key in options if not any(key in section for section in SECTIONS.values())]
    if unknown:
        raise BenchError(f"SCALE-Sim's configuration has no {unknown[0]!r}: use the keys of celosia.bench.scalesim")
    lines: list[str] = []
    for section, keys in SECTIONS.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {options.get(key, value)}" for key, value in keys.items()]
    return "\n".join([*lines, ""])


def _read(report: Path) -> list[int]:
    """Cycles of each layer, without the first fetch from external memory."""
    with open(report, newline="", encoding="utf-8") as file:
        return [int(float(row["Total Cycles"])) for row in csv.DictReader(file, skipinitialspace=True)]
