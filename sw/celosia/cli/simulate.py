# SPDX-License-Identifier: Apache-2.0
"""``celosia simulate``: a whole board, whose serial port is a pseudo-terminal of this computer."""

from typing import Annotated

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from celosia.boards import Board, BoardError, board
from celosia.boards.soc import Soc
from celosia.sim.board import BoardSimulator
from celosia.sim.board.build import build_board
from celosia.sim.board.terminal import serve
from celosia.sim.fingerprint import fingerprint

from . import console, options
from .configuration import parse_config
from .errors import ArgumentError

__all__ = ["simulate"]

_FASTEST = 4  # cycles: what the link can do


def simulate(
    name: Annotated[str, typer.Argument(metavar="BOARD", help="The board, as for celosia build.")],
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{options.CONFIG_HELP} Default: the board's.")
    ] = None,
    bit_cycles: Annotated[
        int | None,
        typer.Option(help="Clock cycles a bit of the serial line lasts, 4 to 65536. Default: 4, to load in seconds."),
    ] = None,
    real_speed: Annotated[
        bool, typer.Option("--real-speed", help="As many cycles a bit as on the real board.")
    ] = False,
    as_json: options.AsJson = False,
) -> int:
    """Simulate a whole board, core, serial link and all; run networks on it with --on and the port it prints.

    Runs until interrupted (Ctrl-C). While nothing goes over the line, its clock stands still after a second.
    """
    if real_speed and bit_cycles is not None:
        raise ArgumentError("--bit-cycles and --real-speed exclude each other: give one of them")
    if bit_cycles is not None and not _FASTEST <= bit_cycles <= 1 << 16:
        raise ArgumentError(f"--bit-cycles must be 4 to 65536, not {bit_cycles}")
    chosen = _board(name)
    core = chosen.config if config is None else parse_config(config)
    clock_hz = round(chosen.clock_hz)
    baud = chosen.baud if real_speed else clock_hz // (bit_cycles or _FASTEST)
    built = build_board(
        core,
        lambda: Soc(core, clock_hz=clock_hz, baud=baud, buffer_bytes=chosen.buffer_bytes),
        fingerprint=f"{fingerprint(core, 'celosia.boards')} {clock_hz} {baud} {chosen.buffer_bytes}",
        report=lambda what: console.err().print(f"{chosen.name}: {what}", soft_wrap=True),
    )
    simulator = BoardSimulator(built, clock_hz, baud)
    err = console.err()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"{chosen.name} runs; Ctrl-C ends it", total=None)

        def ready(port: str) -> None:
            if as_json:
                head = {"board": chosen.name, "config": core.name, "port": port}
                console.print_json(head | {"clock_hz": clock_hz, "baud": baud})
            else:
                print(port)
                err.print(f"Run a network on it: celosia run MODEL.tflite --config {core.name} --on {port}")
            console.out().file.flush()

        def report(cycles: int, speed: float) -> None:
            progress.update(
                task, description=f"{chosen.name}: {cycles:,} cycles, {speed:,.0f} cycles/s; Ctrl-C ends it"
            )

        try:
            serve(simulator, ready, report)
        except KeyboardInterrupt:
            return 0
        finally:
            simulator.close()
    return 0


def _board(name: str) -> Board:
    try:
        return board(name)
    except BoardError as error:
        raise ArgumentError(str(error)) from None
