# SPDX-License-Identifier: Apache-2.0
"""Options that the benches have in common."""

from pathlib import Path
from typing import Annotated

import typer

from celosia.arch.config import Config
from celosia.bench.plot import check_plot

from ..configuration import parse_config
from ..files import check_writable
from ..options import CONFIG_HELP

__all__ = ["Configs", "Plot", "check_picture", "configurations"]

Configs = Annotated[
    list[str] | None, typer.Option("--config", metavar="NAME", help=f"{CONFIG_HELP} May be given several times.")
]

Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw what is measured: .png, .svg or .pdf.")]


def check_picture(path: Path | None) -> None:
    """See, before anything is measured, that a picture can be drawn and written.

    Raises
    ------
    ArgumentError, BenchError
        It cannot.
    """
    if path is not None:
        check_writable(path)
        check_plot(path)


def configurations(texts: list[str] | None, default: tuple[str, ...]) -> list[Config]:
    """The configurations asked for, each once, in order.

    Raises
    ------
    ConfigError
        One of them is none.
    """
    return [parse_config(text) for text in dict.fromkeys(texts or default)]
