# SPDX-License-Identifier: Apache-2.0
"""The subcommands, and how errors reach the user.

Results go to stdout, everything else to stderr. Exit status: 0 done; 1 a result is not what it should be;
2 the input is at fault, with one line on stderr; 130 interrupted. A traceback is a bug in Celosia.
"""

import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

from celosia.arch.config import ConfigError
from celosia.bench.errors import BenchError
from celosia.boards import BoardError
from celosia.boards.pll import ClockError
from celosia.build.errors import BuildError
from celosia.compiler.errors import CompileError
from celosia.exchange.errors import ExchangeError
from celosia.explore.errors import ExploreError
from celosia.model.errors import ModelError
from celosia.runtime.errors import DeviceError, InputError, ProgramError
from celosia.workers import WorkersError

from . import bench, boards, build, check, compile, demo, exchange, explore, fuzz, program, run, simulate, soak
from .errors import ArgumentError

__all__ = ["app", "call"]

USER_ERRORS = (
    ArgumentError, BenchError, BoardError, BuildError, ClockError, CompileError, ConfigError, DeviceError,
    ExchangeError, ExploreError, InputError, ModelError, ProgramError, WorkersError,
)  # fmt: skip

app = typer.Typer(
    name="celosia",
    help="An open int8 neural-network accelerator: run your own .tflite on simulated hardware.",
    pretty_exceptions_enable=False,
)
app.command()(demo.demo)
app.command()(run.run)
app.command()(check.check)
app.command("compile")(compile.compile_)
app.command("export")(exchange.export_)
app.command("import")(exchange.import_)
app.command()(boards.boards)
app.command("build")(build.build_)
app.command()(program.program)
app.command()(explore.explore)
app.command()(fuzz.fuzz)
app.command()(soak.soak)
app.command()(simulate.simulate)
app.add_typer(bench.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        try:
            print(f"celosia {version('celosia')}")
        except PackageNotFoundError:
            print("celosia, not installed: run from its sources")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def call(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a character gets a question mark
    try:
        return app(arguments, prog_name="celosia", standalone_mode=False) or 0
    except typer.TyperException as error:
        return _complain(error.format_message() + " (see celosia --help)")
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        return _complain(f"{error.filename or 'input or output'}: {error.strerror or error}; check the path")
    except USER_ERRORS as error:
        return _complain(str(error))
    except (KeyboardInterrupt, typer.Abort):
        return 130


def _complain(message: str) -> int:
    print("celosia: " + " ".join(message.split()), file=sys.stderr)
    return 2
