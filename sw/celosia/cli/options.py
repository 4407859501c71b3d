# SPDX-License-Identifier: Apache-2.0
"""Options that several subcommands have, and values shared between them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["CONFIG_HELP", "ON_HELP", "AsJson", "Config", "External", "Memory", "Model", "On", "Strategy"]

CONFIG_HELP = "A preset (c256, c64, c16, c512), fields (rows=12,columns=10), or both (c256,weight_bytes=524288)."

Model = Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="An int8 TensorFlow Lite network.")]
Config = Annotated[str, typer.Option(metavar="NAME", help=CONFIG_HELP)]
Memory = Annotated[
    Literal["local", "external"],
    typer.Option(help="Where inputs, outputs and weights are kept: on chip, or in the memory behind the AXI4 master."),
]
External = Annotated[
    str,
    typer.Option(
        metavar="FIELDS",
        help="How the external memory behaves, in a simulator and in predictions: "
        "latency=30,width=16,gap=1,jitter=20,stall=0.25,seed=7,size=0x1000000. Default: ideal.",
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Tile with this strategy only, instead of the best of all: one for networks that fit, or, with --memory "
        "external, one that streams (search, depth-first, output-strips, …).",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
ON_HELP = (
    "functional: commands in numpy. verilator, pysim: the gateware, cycle by cycle. "
    "A serial port (/dev/ttyUSB0, COM3; with another speed, PORT@BAUD): a board."
)

On = Annotated[str, typer.Option(metavar="DEVICE", help=ON_HELP)]
