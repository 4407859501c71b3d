# SPDX-License-Identifier: Apache-2.0
"""``celosia bench peers``: the MLPerf Tiny networks here and on other accelerators."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from celosia.arch.config import Config
from celosia.bench import BenchError, Comparison, ModelFigures, Record, compare, geometric_means, load_record
from celosia.bench.record import find, same_file, write_record
from celosia.bench.remake import remake, versions

from .. import console
from ..errors import ArgumentError
from ..files import check_writable
from ..options import AsJson, On
from .measuring import Failure, measure_all, print_failures
from .models import figures_json
from .options import Configs, configurations
from .tables import on_host, plain_table, verdict

__all__ = ["peers"]

CONFIGS = ("c256", "c64")

Rows = list[Comparison | Failure]


def peers(
    folder: Annotated[
        Path, typer.Option("--models", metavar="DIR", help="Where the MLPerf Tiny .tflite files are (not shipped).")
    ],
    config: Configs = None,
    on: On = "functional",
    run: Annotated[
        bool, typer.Option("--run", help="Run the peers' tools again, those that are installed, not just read.")
    ] = False,
    vela: Annotated[str, typer.Option(metavar="COMMAND", help="Vela (pip install ethos-u-vela).")] = "vela",
    scalesim: Annotated[
        str, typer.Option(metavar="PYTHON", help="A Python with SCALE-Sim (pip install scalesim 'numpy<2').")
    ] = "python3",
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="With --run: write the figures, as JSON.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Compare cycles with Arm's Ethos-U55 (Vela) and an ideal systolic array (SCALE-Sim) of as many multipliers."""
    if record is not None and not run:
        raise ArgumentError("--record writes what --run makes: give both, or neither")
    check_writable(record)
    cores = configurations(config, CONFIGS)
    known = load_record()
    paths = _find(known, folder)
    if run:
        known = _run(known, paths, {"ethos-u-vela": vela, "scalesim": scalesim})
        if record is not None:
            write_record(known, record)
    else:
        known = known.without(_others(known, paths))
    results = [(core, _compare(known, paths, core, on)) for core in cores]
    if as_json:
        console.print_json(_as_json(known, results, on))
    else:
        _print(known, results, on)
    return 0 if all(isinstance(row, Failure) or row.ours.exact for _, rows in results for row in rows) else 1


def _find(known: Record, folder: Path) -> dict[str, Path]:
    """The files of the networks that are there."""
    if not folder.is_dir():
        raise ArgumentError(f"{folder}: there is no such folder: give the one with the MLPerf Tiny .tflite files")
    found = {network.key: find(network, folder) for network in known.networks}
    paths = {key: path for key, path in found.items() if path is not None}
    if not paths:
        names = ", ".join(network.file for network in known.networks)
        raise ArgumentError(f"{folder}: holds none of the networks: get {names} from {known.networks[0].source}")
    return paths


def _others(known: Record, paths: Mapping[str, Path]) -> list[str]:
    """Networks whose file is another one than the recorded figures are of; said on stderr, too."""
    others = [n.key for n in known.networks if n.key in paths and not same_file(n, paths[n.key])]
    for key in others:
        console.err().print(
            f"{paths[key]}: not the file the peers' figures were recorded for; --run makes them again",
            soft_wrap=True, markup=False,
        )  # fmt: skip
    return others


def _run(known: Record, paths: Mapping[str, Path], commands: Mapping[str, str]) -> Record:
    there = versions(commands)
    if not there:
        raise BenchError(
            f"neither Vela ({commands['ethos-u-vela']}) nor SCALE-Sim (in {commands['scalesim']}) is there: install "
            f"one, each in an environment of its own, and name it with --vela or --scalesim"
        )
    for tool in commands.keys() - there.keys():
        console.err().print(f"{tool} is not there: its figures are the recorded ones", soft_wrap=True)
    return remake(known, paths, commands, lambda line: console.err().print(line, soft_wrap=True, markup=False))


def _compare(known: Record, paths: Mapping[str, Path], core: Config, on: str) -> Rows:
    measured = measure_all(list(paths.items()), core, on)
    return [compare(known, row.model, row) if isinstance(row, ModelFigures) else row for row in measured]


# --- what is shown ---


def _as_json(known: Record, results: list[tuple[Config, Rows]], on: str) -> dict[str, Any]:
    configs = [
        {
            "config": core.name,
            "networks": [
                {"network": row.model, "error": row.why}
                if isinstance(row, Failure)
                else {
                    "network": row.network,
                    "fair": row.fair,
                    "celosia": figures_json(row.ours),
                    "peers": [dataclasses.asdict(peer) for peer in row.peers],
                }
                for row in rows
            ],
            "geometric_means": geometric_means([row for row in rows if isinstance(row, Comparison)]),
        }
        for core, rows in results
    ]
    sources = [{k: v for k, v in dataclasses.asdict(peer).items() if k != "cycles"} for peer in known.peers]
    return {"on": on, "configs": configs, "sources": sources}


def _print(known: Record, results: list[tuple[Config, Rows]], on: str) -> None:
    out = console.out()
    for core, rows in results:
        compared = [row for row in rows if isinstance(row, Comparison)]
        out.print(f"[bold]{escape(core.name)}[/bold]: {core.rows}x{core.columns}, {on}", soft_wrap=True)
        out.print(_table(compared))
        print_failures(out, [row for row in rows if isinstance(row, Failure)])
        out.print()
    _explain(known, [row for _, rows in results for row in rows if isinstance(row, Comparison)])


def _table(rows: Sequence[Comparison]) -> Table:
    """A row for each network, two columns for each peer."""
    names = list(dict.fromkeys(peer.peer for row in rows for peer in row.peers))
    columns = [column for name in names for column in (name, "ratio")]
    table = plain_table("network", "cycles", "predicted", "ideal", "exact", *columns)
    table.add_column("on the host", overflow="fold")
    for row in rows:
        table.add_row(*_row(row, names))
    means = geometric_means(rows)
    if means:
        ratios = [cell for name in names for cell in ("", _ratio(means.get(name)))]
        table.add_row("geometric mean", *[""] * 4, *ratios, "", style="bold")
    return table


def _row(row: Comparison, names: Sequence[str]) -> list[str | Text]:
    ours, name = row.ours, row.network if row.fair else f"{row.network} *"
    cells: list[str | Text] = [name, f"{ours.cycles:,}", f"{ours.predicted:,}", f"{ours.ideal:,.0f}"]
    cells.append(verdict(ours.exact))
    by_name = {peer.peer: peer for peer in row.peers}
    for peer in (by_name.get(name) for name in names):
        cells += ["", ""] if peer is None else [f"{peer.compared:,}", _ratio(peer.ratio)]
    return [*cells, on_host(ours)]


def _ratio(value: float | None) -> Text:
    if value is None:
        return Text("")
    return Text(f"{value:.2f}", "green" if value >= 1 else "red")


def _explain(known: Record, rows: Sequence[Comparison]) -> None:
    out = console.out()
    out.print(
        "ratio: how many times as many cycles as Celosia. A peer's cycles are those for the same work: without the "
        "kinds of operators in the last column, which are in no cycle count of Celosia's either."
    )
    if not all(row.fair for row in rows):
        out.print("*: not in the mean, because MACs are left to the host, or bits are wrong.")
    shown = {peer.peer for row in rows for peer in row.peers}
    sources: dict[str, list[str]] = {}
    for peer in known.peers:
        if peer.name in shown:
            how = f"({peer.tool} {peer.version}, {peer.recorded}): {peer.counts}"
            sources.setdefault(how, []).append(peer.name)
    for how, names in sources.items():
        out.print(f"[bold]{escape(', '.join(names))}[/bold] {escape(how)}")
