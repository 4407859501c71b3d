# SPDX-License-Identifier: Apache-2.0
"""Options that the benches have in common."""

from typing import Annotated

import typer

from celosia.arch.config import Config

from ..configuration import parse_config
from ..options import CONFIG_HELP

__all__ = ["Configs", "configurations"]

Configs = Annotated[
    list[str] | None, typer.Option("--config", metavar="NAME", help=f"{CONFIG_HELP} May be given several times.")
]


def configurations(texts: list[str] | None, default: tuple[str, ...]) -> list[Config]:
    """The configurations asked for, each once, in order.

    Raises
    ------
    ConfigError
        One of them is none.
    """
    return [parse_config(text) for text in dict.fromkeys(texts or default)]
