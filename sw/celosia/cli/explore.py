# SPDX-License-Identifier: Apache-2.0
"""``celosia explore``: cores, memories and strategies for some networks, swept."""

import csv
import hashlib
import importlib.util
import io
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from celosia.arch.config import Config
from celosia.arch.timing import ExternalTiming
from celosia.bench.plot import check_plot
from celosia.boards import Board
from celosia.boards import board as find_board
from celosia.explore import space
from celosia.explore.model import AreaModel
from celosia.explore.plot import plot_fronts
from celosia.explore.ranking import Row, rank
from celosia.explore.results import Results
from celosia.explore.sweep import Synthesis, Work, kept_area, kept_outcome, work_off
from celosia.gateware.family import Family
from celosia.model import Graph, load
from celosia.runtime.whole_file import write_whole
from celosia.workers import connected

from . import console
from .bench.measuring import expand
from .configuration import parse_config
from .errors import ArgumentError
from .external import parse_external
from .files import check_writable
from .fronts import print_rows
from .options import CONFIG_HELP, AsJson

__all__ = ["explore"]

CORES = ("rows=4/8/16,columns=4/8/16,weight_bytes=40960/278528",)
MEMORIES = ("latency=30,width=16/64",)

Against = Literal["luts", "ffs", "multipliers", "block_rams", "fpga"]


def explore(
    models: Annotated[list[Path], typer.Argument(metavar="MODEL.tflite…", help="Networks, or folders of them.")],
    config: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help=f"{CONFIG_HELP} Values may have alternatives: rows=8/16,columns=8/16 is four cores. "
            f"May be given several times. Default: {CORES[0]}.",
        ),
    ] = None,
    memory: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELDS",
            help="External memory, latency=30,width=16,gap=1,jitter=20,stall=0.25, with alternatives likewise; or "
            f"{space.LOCAL}: all is on chip. May be given several times. Default: {MEMORIES[0]}.",
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…", help=f"Ways to tile: {space.BEST} (the default, the best of all), or some by their names."
        ),
    ] = None,
    board: Annotated[str, typer.Option(metavar="BOARD", help="Whose FPGA is to hold the core.")] = "ulx3s-85f",
    synthesize: Annotated[
        bool, typer.Option("--synthesize", help="Areas by yosys, some minutes a core, instead of the model's.")
    ] = False,
    against: Annotated[
        Against, typer.Option(help="The area that counts; fpga: the largest share of anything it has.")
    ] = "luts",
    jobs: Annotated[int | None, typer.Option(help="Local processes; one a core by default.", min=1)] = None,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="An existing Dask cluster to work on instead.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Keep each result there, a JSON object a line; what is there stays."
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the fronts: .png, .svg or .pdf.")] = None,
    table: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="The table for a spreadsheet.")] = None,
    as_json: AsJson = False,
) -> int:
    """Sweep cores, memories and strategies: cycles, external bytes, area; and which are worth their area."""
    known = find_board(board)
    _check(known, synthesize, output, plot, table)
    graphs, points = _points(expand(models), config, memory, strategies)
    with Results(output) as results:
        connect = partial(connected, jobs, scheduler)
        with console.counting("compiling", len(points), "points") as show:
            failed = work_off(points, graphs, results, connect, show)
        rows = [Row(point=p, outcome=o) for p in points if (o := kept_outcome(results, p)) is not None]
        if synthesize:
            cores = _cores(rows, known)
            with console.counting("synthesizing", len(cores), "cores") as show:
                failed |= work_off(cores, {}, results, connect, show)
        rows = rank([_with_area(row, known, results, synthesize) for row in rows], known.part, against)
    if plot is not None:
        plot_fronts(rows, known.part, against, plot)
    if table is not None:
        write_whole(table, _csv(rows))
    if as_json:
        console.print_json(_as_json(rows, known, against, failed))
    else:
        print_rows(rows, known, against, failed)
    return 1 if failed else 0


def _check(board: Board, synthesize: bool, output: Path | None, plot: Path | None, table: Path | None) -> None:
    """See, before anything is compiled, that it can be done and written."""
    if importlib.util.find_spec("distributed") is None:
        raise ArgumentError("explore needs Dask: pip install 'celosia[explore]'")
    if board.part.family is not Family.ECP5 and not synthesize:
        raise ArgumentError(f"the area model knows ECP5 FPGAs alone, and {board.name} has none: add --synthesize")
    for path in (output, plot, table):
        check_writable(path)
    if plot is not None:
        check_plot(plot)


def _points(
    paths: Sequence[Path], config: list[str] | None, memory: list[str] | None, strategies: str | None
) -> tuple[dict[str, Graph], list[space.Point]]:
    """Graphs by digest, and all points."""
    graphs: dict[str, Graph] = {}
    networks: list[space.Network] = []
    for path in paths:
        graph = load(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if digest not in graphs:
            networks.append(space.Network(path.stem, digest))
            graphs[digest] = graph
    memories = [text for alternatives in memory or MEMORIES for text in space.alternatives(alternatives)]
    points = space.points(
        networks,
        space.cores(config or CORES, parse_config),
        list(dict.fromkeys(memories)),
        space.strategies(strategies),
        _timing,
    )
    return graphs, points


def _timing(memory: str, config: Config) -> ExternalTiming:
    return parse_external(memory, bus_bits=config.bus_bits).timing


def _cores(rows: Sequence[Row], board: Board) -> list[Work]:
    """The cores on which something runs, to be synthesized, each once."""
    cores = {row.point.core.config: None for row in rows if not row.outcome.why}
    return list(dict.fromkeys(Synthesis(config, board.device) for config in cores if config is not None))


def _with_area(row: Row, board: Board, results: Results, synthesize: bool) -> Row:
    """The row with its area, as far as it is known."""
    config = row.point.core.config
    if row.outcome.why or config is None:
        return row
    if synthesize:
        return row.with_area(kept_area(results, Synthesis(config, board.device)), synthesized=True)
    return row.with_area(AreaModel.recorded().area(config, board.device.multipliers), synthesized=False)


def _as_json(rows: Sequence[Row], board: Board, against: str, failed: dict[Work, str]) -> dict[str, Any]:
    return {
        "board": board.name,
        "fpga": board.part.name,
        "against": against,
        "model_error": {kind: asdict(miss) for kind, miss in AreaModel.recorded().error.items()},
        "points": [row.flat for row in rows],
        "failed": [item.facts | {"error": error} for item, error in failed.items()],
    }


def _csv(rows: Sequence[Row]) -> bytes:
    flat = [row.flat for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue().encode()
