# SPDX-License-Identifier: Apache-2.0
"""The command set: what commands mean (:mod:`.commands`), and their bytes (:mod:`.coding`)."""

from .coding import IllegalCommandError, decode, encode, fields_of
from .commands import (
    ADD_LEFT_SHIFT,
    COMMAND_BITS,
    COMMAND_BYTES,
    COUNTS,
    Add,
    Bare,
    Command,
    Conv,
    Depthwise,
    Engine,
    ErrorCause,
    Header,
    Opcode,
    Routing,
    Space,
    Transfer,
    layout_of,
    opcodes,
)

__all__ = [
    "ADD_LEFT_SHIFT",
    "COMMAND_BITS",
    "COMMAND_BYTES",
    "COUNTS",
    "Add",
    "Bare",
    "Command",
    "Conv",
    "Depthwise",
    "Engine",
    "ErrorCause",
    "Header",
    "IllegalCommandError",
    "Opcode",
    "Routing",
    "Space",
    "Transfer",
    "decode",
    "encode",
    "fields_of",
    "layout_of",
    "opcodes",
]
