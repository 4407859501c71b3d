# SPDX-License-Identifier: Apache-2.0
"""``python -m celosia.explore.calibrate``: synthesizes the cores that the area model is fitted to.

It takes some two minutes a core, and records each in ``calibration.json`` as it is done. Cores that are recorded
already, with the same tools and by the same gateware, stay: ``--anew`` forgets them. Those below are the ones with
which each block varies in what it depends on; a third of them is never fitted to, and tells how far the model is off.
"""

import argparse
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celosia.arch import config as config_module
from celosia.arch.config import Config, preset
from celosia.build import plan
from celosia.gateware.family import Device, Family
from celosia.runtime.whole_file import write_whole

from .area import KINDS, Area
from .synthesis import synthesize_core, synthesizers

__all__ = ["COMMAND", "CORES", "DATA", "Calibration", "Measured", "main", "read"]

COMMAND = "python -m celosia.explore.calibrate"
DATA = Path(__file__).with_name("calibration.json")

LARGE, SMALL, NONE = 156, 28, 0
"""Multipliers of an LFE5U-85F and an LFE5U-25F, and none."""

_SHORT: dict[str, Any] = {"weight_bytes": 64 << 10, "activation_bytes": 32 << 10, "parameter_records": 1024}
_BARE: dict[str, Any] = {"depthwise": False, "elementwise": False, "external": False}


def _core(name: str = "c64", **changes: Any) -> Config:
    if "columns" in changes:
        changes.setdefault("lanes", changes["columns"])
    return preset(name).replace(**changes)


FITTED, HELD_OUT = False, True

CORES: tuple[tuple[Config, int, bool], ...] = (
    (_core("c16"), LARGE, FITTED),
    (_core("c16", **_BARE, overlap=False), LARGE, FITTED),
    (_core("c16", rows=8, columns=2, depthwise=False), LARGE, FITTED),
    (_core(), LARGE, FITTED),
    (_core(), NONE, FITTED),
    (_core(elementwise=False, external=False), SMALL, FITTED),
    (_core(depthwise=False, **_SHORT), LARGE, FITTED),
    (_core(columns=16, **_SHORT), LARGE, FITTED),
    (_core("c16", rows=8, columns=8, bus_bits=64, weight_rows=2), LARGE, HELD_OUT),
    (_core(rows=16, columns=8, **_SHORT), LARGE, FITTED),
    (_core("c16", columns=8, external=False), LARGE, HELD_OUT),
    (_core("c256", **_SHORT), LARGE, FITTED),
    (_core(rows=12, columns=12, **_SHORT), LARGE, HELD_OUT),
    (_core(overlap=False, line_steps=128, accumulators=256, bus_bits=32, **_SHORT), LARGE, FITTED),
    (_core(lanes=2, weight_rows=1, **_SHORT), LARGE, FITTED),
    (_core(columns=16, lanes=4, elementwise=False, **_SHORT), SMALL, HELD_OUT),
    (_core(rows=4, columns=16, bus_bits=32, weight_rows=4, **_SHORT), LARGE, FITTED),
    (_core("c256-small"), LARGE, HELD_OUT),
)
"""Cores, how many multipliers there are for them, and whether the model must not see them."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One synthesized core.

    Parameters
    ----------
    multipliers:
        That there were for it.
    held_out:
        The model is not fitted to it.
    blocks:
        What each block takes.
    seconds:
        That synthesis took.
    """

    config: Config
    multipliers: int
    held_out: bool
    blocks: dict[str, Area]
    seconds: float


@dataclass(frozen=True)
class Calibration:
    """What is recorded.

    Parameters
    ----------
    tools:
        Versions, by distribution.
    gateware:
        :func:`gateware_hash` of what was synthesized.
    """

    tools: dict[str, str]
    gateware: str
    cores: tuple[Measured, ...]


def gateware_hash() -> str:
    """A hash of the sources that decide a core's netlist: what else could change its area is the tools."""
    hw, build = Path(str(config_module.__file__)).parents[1], Path(str(plan.__file__)).parent
    around = {"link", "sdram"}  # are no part of the core
    gateware = [path for path in (hw / "gateware").rglob("*.py") if not around & set(path.relative_to(hw).parts)]
    digest = hashlib.sha256()
    for path in (*sorted((hw / "arch").rglob("*.py")), *sorted(gateware)):
        digest.update(path.relative_to(hw).as_posix().encode() + b"\0" + path.read_bytes())
    for name in ("carries.py", "plan.py", "replicate.py"):
        digest.update((build / name).read_bytes())
    return digest.hexdigest()[:16]


def read(path: Path = DATA) -> Calibration:
    """A recorded calibration."""
    content = json.loads(path.read_text(encoding="utf-8"))
    cores = tuple(_measured(entry) for entry in content["cores"])
    return Calibration(content["tools"], content["gateware"], cores)


def _measured(entry: dict[str, Any]) -> Measured:
    blocks = {block: Area(**dict(zip(KINDS, numbers, strict=False))) for block, numbers in entry["blocks"].items()}
    return Measured(**entry | {"config": Config(**entry["config"]), "blocks": blocks})


def _write(path: Path, calibration: Calibration) -> None:
    kinds = [kind for kind in KINDS if kind != "large_rams"]  # which an ECP5 has none of

    def entry(core: Measured) -> dict[str, Any]:
        blocks = {block: [getattr(area, kind) for kind in kinds] for block, area in core.blocks.items()}
        return {**dataclasses.asdict(core), "blocks": blocks}

    facts = {"made_by": COMMAND, "tools": calibration.tools, "gateware": calibration.gateware, "kinds": kinds}
    lines = ",\n".join(json.dumps(entry(core)) for core in calibration.cores)
    head = json.dumps(facts, indent=1).removesuffix("\n}")
    write_whole(path, f'{head},\n "cores": [\n{lines}\n]\n}}\n'.encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Synthesize what is missing, and record it."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Synthesize the cores that the area model is fitted to.")
    parser.add_argument("--anew", action="store_true", help="forget what is recorded")
    anew = parser.parse_args(arguments).anew
    tools, gateware = synthesizers(), gateware_hash()
    known: dict[tuple[int, int], Measured] = {}
    if DATA.exists() and not anew:
        recorded = read()
        if (recorded.tools, recorded.gateware) == (tools, gateware):
            known = {(core.config.hash, core.multipliers): core for core in recorded.cores}
    for config, multipliers, held_out in CORES:
        key = config.hash, multipliers
        if key not in known:
            known[key] = _measure(config, multipliers, held_out)
        cores = [known[core.hash, count] for core, count, _ in CORES if (core.hash, count) in known]
        _write(DATA, Calibration(tools, gateware, tuple(cores)))
    return 0


def _measure(config: Config, multipliers: int, held_out: bool) -> Measured:
    print(f"{config.text}, {multipliers} multipliers", end=" ", file=sys.stderr, flush=True)
    begin = time.monotonic()
    blocks = synthesize_core(config, Device(Family.ECP5, multipliers=multipliers))
    seconds = round(time.monotonic() - begin, 1)
    print(f"{sum(area.luts for area in blocks.values()):,} LUTs, {seconds:.0f} s", file=sys.stderr)
    return Measured(config=config, multipliers=multipliers, held_out=held_out, blocks=blocks, seconds=seconds)


if __name__ == "__main__":
    sys.exit(main())
