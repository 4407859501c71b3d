# SPDX-License-Identifier: Apache-2.0
"""``celosia demo``: the shipped network reads handwritten digits on simulated hardware."""

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

from celosia import compiler
from celosia.demo import MODEL, Digits, digits
from celosia.model import load
from celosia.runtime.inputs import split_batch
from celosia.sim import SIMULATORS, available, unavailable

from . import console, options
from .configuration import DEFAULT, parse_config
from .job import Job
from .picture import picture
from .table import layer_table, summary

__all__ = ["demo"]

SLOW_CONFIG = "c64"
SLOW_COUNT = 2
"""What Amaranth's simulator gets through in some seconds."""

GAP = 2  # characters between two pictures


def demo(
    config: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{options.CONFIG_HELP} Default: {DEFAULT}.")
    ] = None,
    on: Annotated[
        str | None,
        typer.Option(
            metavar="DEVICE", help=f"{options.ON_HELP} Default: verilator if there is a C++ compiler, else pysim."
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(help="How many digits.", min=1)] = None,
    as_json: options.AsJson = False,
) -> int:
    """Watch a small network read handwritten digits on simulated hardware, and what it costs."""
    device = on or next(name for name in available() if name != "functional")
    slow = device == "pysim"
    core = parse_config(config or (SLOW_CONFIG if slow else DEFAULT))
    everything = digits()
    n = min(count or (SLOW_COUNT if slow else len(everything.labels)), len(everything.labels))
    shown = Digits(everything.images[:n], everything.labels[:n])
    if on is None and slow and not as_json:
        console.err().print(f"A few digits only: {unavailable()['verilator']}.")
    graph = load(MODEL)
    program = compiler.compile(graph, core)
    job = Job(program, graph, split_batch(program.inputs, shown.images))
    job.execute(device)
    answers = [int(result.outputs[0].argmax()) for result in job.results]
    right = int(np.sum(np.array(answers) == shown.labels))
    if as_json:
        head = {"model": "digits", "config": core.name, "on": device, "n": n, "right": right}
        console.print_json(head | {"exact": job.exact} | summary(job.results[0]))
    else:
        _print(job, device, shown, answers, right)
    return 0 if job.exact else 1


def _print(job: Job, device: str, shown: Digits, answers: list[int], right: int) -> None:
    out, core, cycles = console.out(), job.program.config, job.results[0].cycles
    how = f"simulated cycle by cycle by {device}" if device in SIMULATORS else f"on the board at {device}"
    how = "commands executed in numpy" if device == "functional" else how
    out.print("[bold]Celosia reads handwritten digits[/bold]")
    out.print(f"{core.name}: a {core.rows}x{core.columns} int8 array, {how}\n", style="bright_black")
    scores = [int(result.outputs[0].max()) + 128 for result in job.results]
    captions = [_caption(*three) for three in zip(answers, shown.labels.tolist(), scores, strict=True)]
    _print_digits(out, shown.images[..., 0].astype(int) + 128, captions)
    verdict = "[green]every bit is exact[/green]" if job.exact else "[bold red]bits differ[/bold red]"
    out.print(f"{right} of {len(answers)} read right; compared with the golden model, {verdict}.\n")
    out.print(layer_table(out, job.results[0]))
    out.print(f"\nOne digit takes {cycles:,} cycles; simulating {len(answers)} took {job.seconds:.2f} s.")
    out.print("Your own network: [bold]celosia check X.tflite[/bold], then [bold]celosia run X.tflite[/bold].")


def _caption(answer: int, label: int, score: int) -> Text:
    """What the network says, whether that is right, and how sure it is (its score, of 256)."""
    if answer == label:
        return Text.assemble((f"{answer}", "bold green"), (f" {score / 256:.0%}", "bright_black"))
    return Text.assemble((f"{answer}", "bold red"), (f" not {label}", "red"))


def _print_digits(out: Console, greys: np.ndarray, captions: list[Text]) -> None:
    """Pictures side by side, as many as fit, each with its caption below."""
    unicode = console.beyond_ascii(out)
    color = out.color_system is not None and not out.no_color
    pictures = [picture(grey, color=color, unicode=unicode) for grey in greys]
    width = pictures[0][0].cell_len + GAP
    for caption in captions:
        caption.pad_right(width - caption.cell_len)
    fit = max(1, (out.width + GAP) // width)
    for first in range(0, len(pictures), fit):
        for lines in zip(*pictures[first : first + fit], strict=True):
            out.print(Text(" " * GAP).join(lines), no_wrap=True)
        out.print(Text().join(captions[first : first + fit]), no_wrap=True)
        out.print()
