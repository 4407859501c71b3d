# SPDX-License-Identifier: Apache-2.0
"""``celosia build``: a board's bitstream, with pip's tools alone."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from celosia.boards import Board
from celosia.boards import board as find_board
from celosia.build import BuildError, Built, build
from celosia.build import floorplan as floorplans
from celosia.build.manifest import Entry, check_rebuilt, read, record
from celosia.build.projection import project

from . import console
from .configuration import parse_config
from .errors import ArgumentError
from .options import CONFIG_HELP, AsJson

__all__ = ["DEFAULT_FOLDER", "build_"]

DEFAULT_FOLDER = Path("build")

Tell = Callable[[str], None]


def build_(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="One of celosia boards.")],
    config: Annotated[str | None, typer.Option(metavar="NAME", help=f"{CONFIG_HELP} Default: the board's.")] = None,
    clock: Annotated[float | None, typer.Option(metavar="MHZ", help="Default: the board's.")] = None,
    baud: Annotated[int | None, typer.Option(help="Of the serial line. Default: the board's.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Place and route that many times, and take the fastest.")] = 1,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Seeds at a time. Default: as many as there are cores.")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Bitstream, manifest and picture go there.")
    ] = DEFAULT_FOLDER,
    models: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Networks to say of how fast they will run.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Build what is in DIR again, and see that every bit is the same.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Build a board's bitstream: LUTs, clock, the slowest path and a picture of the chip come with it."""
    known = find_board(board)
    if verify:
        if (config, clock, baud, models) != (None, None, None, None) or seeds != 1:
            raise ArgumentError("--verify builds what was recorded: leave the other options out")
        _verify(known, output, as_json)
        return
    if output.exists() and not output.is_dir():
        raise ArgumentError(f"{output}: is a file: name a folder")
    core = None if config is None else parse_config(config)
    with _telling() as tell:
        built = build(
            known,
            config=core,
            clock_hz=None if clock is None else clock * 1e6,
            baud=baud,
            seeds=range(1, seeds + 1),
            jobs=jobs,
            tell=tell,
        )
        networks = {} if models is None else project(models, built.config, built.clock_hz)
        entry = record(output, built, networks)
        picture = _draw(built, output, tell)
    if as_json:
        console.print_json(_facts(entry, built, output, picture))
    else:
        _print(entry, built, output, picture)


def _verify(board: Board, folder: Path, as_json: bool) -> None:
    """Build a recorded bitstream again."""
    entry = read(folder).get(board.name)
    if entry is None:
        raise ArgumentError(f"{folder}: no bitstream for {board.name} is recorded there")
    with _telling() as tell:
        built = build(
            board, config=entry.configuration, clock_hz=entry.clock_hz, baud=entry.baud, seeds=[entry.seed], tell=tell
        )
    check_rebuilt(entry, built)
    if as_json:
        console.print_json({"board": board.name, "sha256": entry.sha256, "same": True})
    else:
        console.out().print(f"{board.name}: built again, every bit the same ({entry.sha256})", soft_wrap=True)


@contextmanager
def _telling() -> Iterator[Tell]:
    """Shows, on stderr, the step that is under way and for how long: a line that changes, or a line for each step."""
    err = console.err()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)

        def tell(text: str) -> None:
            progress.update(task, description=escape(text))
            if not err.is_terminal or text.endswith("MHz"):  # results of seeds stay to be seen
                err.print(escape(text), soft_wrap=True)

        yield tell


def _draw(built: Built, folder: Path, tell: Tell) -> Path | None:
    """The floorplan's path; nothing where it cannot be drawn, which is no reason to lose a bitstream over."""
    tell("drawing the floorplan")
    path = folder / f"{built.board.name}.png"
    try:
        title = f"{built.config.name} on {built.board.title}, {built.chosen.report.fmax_hz / 1e6:.0f} MHz"
        floorplans.draw(floorplans.read_spots(built.placed_design), path, title)
    except BuildError as error:
        tell(str(error))
        return None
    return path


def _facts(entry: Entry, built: Built, folder: Path, picture: Path | None) -> dict[str, Any]:
    return {
        **dataclasses.asdict(entry),
        "file": str(folder / entry.file),
        "floorplan": str(picture) if picture else None,
        "seeds": [{"seed": placed.seed, "fmax_hz": placed.report.fmax_hz} for placed in built.seeds],
        "seconds": {step: round(seconds, 1) for step, seconds in built.seconds.items()},
    }


def _print(entry: Entry, built: Built, folder: Path, picture: Path | None) -> None:
    out = console.out()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "used", "available", ""):
        table.add_column(column, justify="right" if column else "left")
    for kind, (used, available) in entry.resources.items():
        table.add_row(kind, f"{used:,}", f"{available:,}", f"{used / available:.0%}" if available else "")
    out.print(table)
    seeds = f", the best of {len(built.seeds)} seeds ({entry.seed})" if len(built.seeds) > 1 else f", seed {entry.seed}"
    out.print(
        f"\nclock {entry.clock_hz / 1e6:g} MHz, fastest {entry.fmax_hz / 1e6:.1f} MHz{seeds}"
        + ("" if entry.exact_timing else "; nextpnr's delays of this FPGA are approximate")
    )
    out.print(f"slowest path: {escape(entry.slowest_path)}", soft_wrap=True)
    for name, figures in entry.networks.items():
        host = f" ({', '.join(figures['host'])} on the host)" if figures["host"] else ""
        speed = f"{figures['cycles']:,} cycles, {figures['inferences_per_second']:,.0f} a second{host}"
        out.print(f"{escape(name)}: {speed}", soft_wrap=True)
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in built.seconds.items())
    out.print(f"\n{escape(str(folder / entry.file))}  ({steps})", soft_wrap=True)
    if picture:
        out.print(escape(str(picture)), soft_wrap=True)
