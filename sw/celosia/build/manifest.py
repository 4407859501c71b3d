# SPDX-License-Identifier: Apache-2.0
"""A folder of bitstreams: what each was built from and with, and what is known of it.

::

    bitstreams/manifest.json        everything below, for programs
    bitstreams/README.md            the same, for people: made from it
    bitstreams/ulx3s-85f.bit        the bitstream
    bitstreams/ulx3s-85f.png        where everything is on the chip
"""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from celosia.arch.config import Config

from .errors import BuildError
from .flow import Built
from .tools import own_version

__all__ = ["FORMAT", "Entry", "check_rebuilt", "read", "record", "render"]

FORMAT = 1
MANIFEST, PAGE = "manifest.json", "README.md"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Entry:
    """One bitstream.

    Parameters
    ----------
    board, part:
        What it is for.
    config, config_hash:
        Fields of the configuration, and the hash by which the runtime knows it, in hexadecimal.
    clock_hz, baud:
        Of the core and of the serial line.
    fmax_hz, exact_timing:
        The fastest clock by nextpnr, and whether nextpnr knows all of the part's delays.
    seed:
        Of placing and routing.
    resources:
        Used and available, by kind.
    slowest_path:
        What limits the clock.
    tools:
        Versions, by distribution.
    file, sha256:
        The bitstream, beside the manifest.
    networks:
        Cycles and inferences a second (:func:`.projection.project`), by network.
    """

    board: str
    part: str
    celosia: str
    config: dict[str, Any]
    config_hash: str
    clock_hz: int
    baud: int
    fmax_hz: float
    exact_timing: bool
    seed: int
    resources: dict[str, tuple[int, int]]
    slowest_path: str
    tools: dict[str, str]
    file: str
    sha256: str
    networks: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, built: Built, networks: dict[str, dict[str, Any]]) -> "Entry":
        """What is to be recorded of a build."""
        part, report = built.board.part, built.chosen.report
        return cls(
            board=built.board.name,
            part=part.name,
            celosia=own_version(),
            config=dataclasses.asdict(built.config),
            config_hash=f"{built.config.hash:016x}",
            clock_hz=built.clock_hz,
            baud=built.baud,
            fmax_hz=report.fmax_hz,
            exact_timing=part.exact_timing,
            seed=built.chosen.seed,
            resources=report.resources,
            slowest_path=str(report.path),
            tools=built.tools,
            file=f"{built.board.name}{built.bitstream.suffix}",
            sha256=built.sha256,
            networks=networks,
        )

    @property
    def configuration(self) -> Config:
        """The configuration, to build it again.

        Raises
        ------
        BuildError
            This version of Celosia has other fields, or gives it another hash.
        """
        try:
            config = Config(**self.config)
        except TypeError:
            config = None
        if config is None or f"{config.hash:016x}" != self.config_hash:
            raise BuildError(f"the bitstream for {self.board} is of another version of Celosia ({self.celosia})")
        return config


def read(folder: Path) -> dict[str, Entry]:
    """The entries of a folder by board; empty where there is no manifest.

    Raises
    ------
    BuildError
        The manifest is damaged or of another version.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise BuildError(f"{path}: format {content['format']!r} is not known, only {FORMAT}: update celosia")
        entries = [Entry(**entry) for entry in content["bitstreams"]]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise BuildError(f"{path}: not a manifest of bitstreams: remove it, and build again") from None
    as_pairs = [
        dataclasses.replace(e, resources={kind: (used, there) for kind, (used, there) in e.resources.items()})
        for e in entries
    ]
    return {entry.board: entry for entry in as_pairs}


def record(folder: Path, built: Built, networks: dict[str, dict[str, Any]]) -> Entry:
    """Put a bitstream into a folder, in place of what was there for its board; the manifest and the page follow.

    Raises
    ------
    BuildError
        The manifest that is there is damaged.
    OSError
        Something cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    entry = Entry.of(built, networks)
    entries = read(folder) | {entry.board: entry}
    shutil.copyfile(built.bitstream, folder / entry.file)
    ordered = [dataclasses.asdict(entries[name]) for name in sorted(entries)]
    text = json.dumps({"format": FORMAT, "bitstreams": ordered}, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    (folder / PAGE).write_text(render(list(entries.values())), encoding="utf-8")
    return entry


def check_rebuilt(entry: Entry, built: Built) -> None:
    """Compare a bitstream built again with the one recorded.

    Raises
    ------
    BuildError
        It is another; the message names tools of another version, where there are any.
    """
    if built.sha256 == entry.sha256:
        return
    changed = [
        f"{name} {entry.tools.get(name, 'none')} then, {now} now"
        for name, now in built.tools.items()
        if entry.tools.get(name) != now
    ]
    why = f"tools differ: {'; '.join(changed)}" if changed else "the tools are the same, so the sources have changed"
    raise BuildError(
        f"{entry.board}: the bitstream is not the recorded one ({built.sha256[:12]}…, not {entry.sha256[:12]}…): {why}"
    )


def render(entries: list[Entry]) -> str:
    """The page for people."""
    lines = [
        "# Bitstreams",
        "",
        "Made by `celosia build`, from `manifest.json`. `celosia build BOARD --verify --output bitstreams` builds one "
        "again and compares it; `celosia program BOARD` loads it.",
        "",
        "| board | FPGA | array | clock | fastest | LUTs | multipliers | block RAM |",
        "|---|---|---|---|---|---|---|---|",
    ]
    entries = sorted(entries, key=lambda entry: entry.board)
    lines += [
        f"| {e.board} | {e.part} | {e.config['rows']}x{e.config['columns']} | {e.clock_hz / 1e6:g} MHz "
        f"| {e.fmax_hz / 1e6:.1f} MHz{'' if e.exact_timing else ' (approximate)'} "
        f"| {_share(e, 'LUT')} | {_share(e, 'DSP')} | {_share(e, 'RAM')} |"
        for e in entries
    ]
    networks = sorted({name for e in entries for name in e.networks})
    if networks:
        lines += [
            "",
            "Inferences a second, by the cycles that the array and its lanes take at that clock. What the host "
            "computes, and moving inputs and outputs over the serial line, come on top.",
            "",
            f"| board | {' | '.join(networks)} |",
            f"|---|{'---|' * len(networks)}",
        ]
        lines += [f"| {e.board} | {' | '.join(_speed(e, name) for name in networks)} |" for e in entries]
    return "\n".join(lines) + "\n"


def _share(entry: Entry, kind: str) -> str:
    used, available = entry.resources.get(kind, (0, 0))
    return f"{used:,} of {available:,} ({used / available:.0%})" if available else "none"


def _speed(entry: Entry, network: str) -> str:
    figures = entry.networks.get(network)
    return f"{figures['inferences_per_second']:,.0f}" if figures else "does not fit"
