# SPDX-License-Identifier: Apache-2.0
"""The two consoles every subcommand writes to, and what it shows while somebody waits."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from celosia.arch.config import Config
from celosia.runtime import Device
from celosia.runtime.connect import connect
from celosia.sim import MemoryModel

__all__ = ["beyond_ascii", "counting", "err", "opening", "out", "print_json"]

WIDE = 120  # characters


def out() -> Console:
    """Results; wide where they go to a file or to another program."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console


def err() -> Console:
    """Everything else."""
    return Console(stderr=True, highlight=False)


def beyond_ascii(console: Console) -> bool:
    """Whether lines, blocks and shades can be printed there."""
    return (console.encoding or "").lower().startswith("utf")


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout, on one line."""
    print(json.dumps(value, ensure_ascii=False))


@contextmanager
def opening(
    on: str,
    config: Config,
    wave: Path | None = None,
    external: MemoryModel = MemoryModel(),  # noqa: B008 - frozen
) -> Iterator[Device]:
    """A simulated device for the block; on stderr, what takes long in opening it, and how long.

    Parameters
    ----------
    external
        The memory behind its AXI4 master.

    Raises
    ------
    DeviceError
        It cannot be opened.
    """
    console = err()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"opening {on} for {config.name}", total=None)

        def report(what: str) -> None:
            progress.update(task, description=what)
            if not console.is_terminal:
                console.print(f"{config.name}: {what}", soft_wrap=True)

        device = Device(connect(on, config, wave=wave, external=external, report=report))
    with device:
        yield device


@contextmanager
def counting(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr until the block ends; nothing where stderr is no terminal.

    The block gets a function to tell how many of `total` units are done; the bar never goes back.
    """
    count = TextColumn("{task.completed:,.0f} of {task.total:,.0f} " + unit)
    columns = TextColumn("{task.description}"), BarColumn(), count, TimeElapsedColumn()
    console = err()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=max(done, progress.tasks[task].completed))
