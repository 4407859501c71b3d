# SPDX-License-Identifier: Apache-2.0
"""Options that several subcommands have, and values shared between them."""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["CONFIG_HELP", "AsJson", "Config", "Memory", "Model", "On"]

CONFIG_HELP = "A preset (c256, c64, c16, c512), fields (rows=12,columns=10), or both (c256,weight_bytes=524288)."

Model = Annotated[Path, typer.Argument(metavar="MODEL.tflite", help="An int8 TensorFlow Lite network.")]
Config = Annotated[str, typer.Option(metavar="NAME", help=CONFIG_HELP)]
Memory = Annotated[
    Literal["local", "external"],
    typer.Option(help="Where inputs, outputs and weights are kept: on chip, or in the memory behind the AXI4 master."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
On = Annotated[
    Literal["functional", "pysim", "verilator"],
    typer.Option(help="functional: commands in numpy. pysim, verilator: the gateware, cycle by cycle."),
]
