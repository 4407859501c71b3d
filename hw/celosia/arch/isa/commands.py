# SPDX-License-Identifier: Apache-2.0
"""The command set: fixed 64-byte commands, each a whole loop nest.

The same :class:`amaranth.lib.data.Struct` classes encode (``Conv.const({...})``, see :func:`.coding.encode`),
disassemble (:func:`.coding.decode`) and are what the gateware's engines see. Every command starts with the
eight bytes of :class:`Header`; reserved bits are zero, or the command is illegal.

Dependencies. Commands are dispatched in order, each to one of four engines (:class:`Engine`), which
run side by side and finish their own commands in order. An engine counts the commands it has finished
since start, modulo 256. ``Header.wait_*`` holds, per engine, the count that must have been reached
before the command may be dispatched (compared modulo 256 as a signed difference: fewer than 128
commands of an engine are ever ahead). The compiler knows the counts, so a wait names one exact command.
A core without :attr:`Config.overlap` runs one command at a time and does not look at waits.
Within one engine, commands read and write in their order, but the next may read before the one before has
written: only a command that reads what an earlier one of the same engine writes must wait for it.

Memory semantics of each command are given in the docstring of its class; ``R`` and ``C`` are the
configuration's rows and columns, ``A`` its activation word. Addresses in local memories are bytes,
except weights (words) and parameters (records).
"""

import enum as _enum

from amaranth.hdl import signed, unsigned
from amaranth.lib import data, enum

from ..config import Config

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
    "Opcode",
    "Routing",
    "Space",
    "Transfer",
    "layout_of",
    "opcodes",
]

COMMAND_BYTES = 64
COMMAND_BITS = 8 * COMMAND_BYTES

ADD_LEFT_SHIFT = 20
"""TFLM's int8 ADD scales its inputs up by 2^20 before it brings them to a common scale."""


class Opcode(enum.Enum, shape=8):
    """What a command does. Numbers in the gaps are kept for more kinds of each."""

    END = 0x01
    SYNC = 0x02
    LOAD = 0x10
    STORE = 0x11
    CONV = 0x20
    DEPTHWISE = 0x21
    ADD = 0x30


class Engine(_enum.IntEnum):
    """The engines commands are dispatched to; also the bit order of the trace port."""

    LOAD = 0
    STORE = 1
    CONV = 2
    ELEMENTWISE = 3


class Space(enum.Enum, shape=2):
    """The local memories; also the order of their windows on the control bus."""

    WEIGHTS = 0
    ACTIVATIONS = 1
    PARAMETERS = 2
    PROGRAM = 3


class ErrorCause(enum.Enum, shape=8):
    """Why the machine stopped."""

    NONE = 0
    ILLEGAL_COMMAND = 1  # unknown opcode or none of this core's, a reserved bit set, or a loop count of 0
    PROGRAM_OVERRUN = 2  # the program counter left the program memory
    BUS_READ = 3  # the external memory answered a read with an error
    BUS_WRITE = 4  # the external memory answered a write with an error
    OUT_OF_BOUNDS = 5  # a LOAD or STORE outside the external or local memory it may touch, or not of whole bus words
    TIMEOUT = 6  # no engine made progress for TIMEOUT cycles


class Header(data.Struct):
    """The first eight bytes of every command.

    ``layer`` is the compiler's number of the operator the command belongs to; hardware ignores it.
    """

    opcode: Opcode
    flags: 8
    layer: 16
    wait_load: 8
    wait_store: 8
    wait_conv: 8
    wait_elementwise: 8


class Command(data.Struct):
    """Any command: the header, and the rest by opcode (:func:`layout_of`)."""

    header: Header
    body: unsigned(COMMAND_BITS - 64)


class Transfer(data.Struct):
    """LOAD and STORE: a strided block between external and local memory.

    Copies ``rows`` rows of ``row_bytes`` bytes. Row ``i`` is at byte ``EXTERNAL_BASE + external_address +
    i·external_stride`` of the external memory and at byte ``local_address + i·local_stride`` of the local
    memory ``space``, as its window shows it. ``rows`` and ``row_bytes`` are at least 1. All five byte quantities, and
    EXTERNAL_BASE, are multiples of the bus width in bytes, and all rows lie within EXTERNAL_SIZE and the local memory:
    else the machine stops with OUT_OF_BOUNDS.
    """

    header: Header
    external_address: 32
    external_stride: 32
    local_address: 32
    local_stride: 32
    row_bytes: 32
    rows: 16
    space: Space
    reserved0: 14
    reserved1: unsigned(COMMAND_BITS - 64 - 6 * 32)


class Conv(data.Struct):
    """CONV: one rectangle of output pixels, every output channel, as a matrix product on the array.

    For ``n`` in n_tiles, ``ky`` in kernel_h, ``kx`` in kernel_w, ``j`` in chunks, ``oy`` in output_h,
    ``ox`` in output_w (outermost first) the feeder reads one vector of R bytes. Its byte ``r`` is::

        iy = input_y + oy·step_y + ky·dilation_y                   a row of the image
        b  = input_x + ox·step_x + kx·dilation_x + j·R + r         a byte of that row
        a  = input_address + oy·row_step + ky·kernel_row_step + b  its address in the activation memory
        x[r] = activation[a] if 0 ≤ iy < input_rows and 0 ≤ b < input_row_bytes else input_zero_point

    and is multiplied with weight tile ``t = ((n·kernel_h + ky)·kernel_w + kx)·chunks + j``, whose row ``r``
    is in weight word ``weight_address + t·(R / weight_rows) + r // weight_rows``. Sums over ky, kx, j of one
    pixel start from the bias of parameter record ``parameter_address + n·C + c``; when complete they are
    requantized with that record, offset by output_zero_point, clamped, and written to::

        output_address + oy·output_row_pitch + ox·output_pixel_pitch + n·C + c

    for ``c < C``, or ``c < last_columns`` in the last n tile. ``output_w·output_h`` is at most the number of
    accumulators. The activation memory is not read and written at one place by one command.
    """

    header: Header
    input_address: signed(32)
    row_step: 32
    kernel_row_step: 32
    input_rows: 16
    input_y: signed(16)
    input_row_bytes: 16
    step_x: 16
    input_x: signed(24)
    step_y: 8
    dilation_x: 16
    dilation_y: 8
    kernel_h: 8
    chunks: 16
    kernel_w: 8
    last_columns: 8
    output_w: 16
    output_h: 16
    weight_address: 24
    input_zero_point: signed(8)
    parameter_address: 16
    n_tiles: 16
    output_address: 24
    output_zero_point: signed(8)
    output_pixel_pitch: 16
    activation_min: signed(8)
    activation_max: signed(8)
    output_row_pitch: 24
    reserved0: 8


class Routing(enum.Enum, shape=2):
    """Which streams the four segments of the array carry in a DEPTHWISE command, top to bottom.

    A and B are the two streams read, A' and B' the same one row of steps ago (from the delay line); ``>`` goes on
    from the segment above, so that the two are one longer segment.
    """

    ROWS = 1  # A' B' A B
    PAIRS = 2  # A > B >
    SINGLE = 3  # A > > >


class Depthwise(data.Struct):
    """DEPTHWISE: filters that never mix channels, on columns in pairs; also average pooling.

    D channels (:attr:`Config.down_channels`) at a time, a column pair each; the two columns of a pair see the same
    samples and make two outputs of that channel. For ``g`` in groups, ``py`` in passes_h, ``px`` in passes_w, ``i`` in
    output_h (and once before it, as ``i = −1``, with ROWS), ``t`` in steps (outermost first) two samples a channel are
    read, A and B. Channel ``c`` of A is::

        iy = input_y + i·step_y + py·pass_y_step
        b  = input_x + t·step_x + px·pass_x_step + g·D + c
        a  = input_address + i·row_step + py·pass_row_step + b
        A(i, t, c) = activation[a] if 0 ≤ iy < input_rows and 0 ≤ b < input_row_bytes else input_zero_point

    B is the same with ``a + b_step``, and either ``iy + 1`` or, with ``along``, ``b + b_step``. ``a``, ``step_x`` and
    ``b_step`` are such that D samples lie in one activation word, and A and B in words of different parity.

    With ROWS, A' and B' of row i are A and B of row i − 1, and the zero point in row −1.

    Rows and steps follow each other as one sequence. Row ``r = q·R/4 + d`` of the array holds tap ``d`` of segment
    ``q``: a weight for the sample that came ``d`` steps ago in that segment's stream (``d`` counts on through joined
    segments). In row ``i ≥ 0`` the steps ``t = skip_steps + k·stride_steps``, k < output_w, make outputs: the sums of
    all products of column 2c and of column 2c + 1. They are added up over passes, started from the bias (with
    ``maximum``, the largest of the passes is kept and there is no bias), requantized with parameter record
    ``parameter_address + g·D + c`` and written to::

        output_address + i·output_row_pitch + k·output_pixel_pitch + g·D + c       (column 2c)

    and, if ``both`` (in the last row: ``last_both``), half a row pitch (with ``along``, half a pixel pitch) further
    (column 2c + 1), for ``c < D``, in the last group ``c < last_channels``. The weight tile of (g, py, px) is the
    ``(g·passes_h + py)·passes_w + px``-th from ``weight_address``. With more than one pass, ``output_w·output_h`` is at
    most the number of accumulators; with ROWS, ``steps`` is 4 to :attr:`Config.line_steps`.
    """

    header: Header
    input_address: 24
    input_zero_point: signed(8)
    row_step: 24
    passes_h: 8
    pass_row_step: 24
    passes_w: 8
    input_rows: 16
    input_y: signed(16)
    input_row_bytes: 16
    step_x: 16
    input_x: signed(24)
    step_y: 4
    stride_steps: 4
    pass_x_step: 16
    pass_y_step: 8
    skip_steps: 8
    steps: 16
    b_step: 16
    routing: Routing
    along: 1
    both: 1
    last_both: 1
    maximum: 1
    reserved0: 2
    weight_address: 24
    output_w: 16
    output_h: 16
    parameter_address: 16
    groups: 16
    output_address: 24
    output_zero_point: signed(8)
    output_pixel_pitch: 16
    activation_min: signed(8)
    activation_max: signed(8)
    output_row_pitch: 24
    last_channels: 8


class Add(data.Struct):
    """ADD: the sum of two tensors of ``lines`` activation lines (2·A bytes each), TFLM's int8 ADD.

    Per byte: ``requantize(requantize((a − zero_point_a) << 20, a) + requantize((b − zero_point_b) << 20,
    b), out) + zero_point_out``, clamped (20 is :data:`ADD_LEFT_SHIFT`). Addresses are multiples of the line.
    Output may be one of the inputs.
    """

    header: Header
    address_a: 32
    address_b: 32
    output_address: 32
    lines: 32
    multiplier_a: 32
    multiplier_b: 32
    multiplier_out: 32
    exponent_a: signed(8)
    exponent_b: signed(8)
    exponent_out: signed(8)
    reserved2: 8
    zero_point_a: signed(8)
    zero_point_b: signed(8)
    zero_point_out: signed(8)
    activation_min: signed(8)
    activation_max: signed(8)
    reserved0: 24
    reserved1: unsigned(COMMAND_BITS - 64 - 10 * 32)


class Bare(data.Struct):
    """SYNC and END: a header only. Both wait as their header says; END also for all that was dispatched, and
    then stops the program as done."""

    header: Header
    reserved1: unsigned(COMMAND_BITS - 64)


_LAYOUTS = {
    Opcode.END: Bare,
    Opcode.SYNC: Bare,
    Opcode.LOAD: Transfer,
    Opcode.STORE: Transfer,
    Opcode.CONV: Conv,
    Opcode.DEPTHWISE: Depthwise,
    Opcode.ADD: Add,
}


COUNTS = {
    Opcode.LOAD: ("row_bytes", "rows"),
    Opcode.STORE: ("row_bytes", "rows"),
    Opcode.CONV: ("kernel_h", "kernel_w", "chunks", "output_w", "output_h", "n_tiles"),
    Opcode.DEPTHWISE: (
        "passes_h",
        "passes_w",
        "stride_steps",
        "steps",
        "routing",
        "output_w",
        "output_h",
        "groups",
    ),
    Opcode.ADD: ("lines",),
}
"""Loop counts: a command in which one of them is 0 is illegal."""


def opcodes(config: Config) -> frozenset[Opcode]:
    """The commands that a core knows; the others are illegal there."""
    missing = set()
    if not config.down_channels:
        missing.add(Opcode.DEPTHWISE)
    if not config.elementwise:
        missing.add(Opcode.ADD)
    if not config.external:
        missing |= {Opcode.LOAD, Opcode.STORE}
    return frozenset(Opcode) - missing


def layout_of(opcode: Opcode) -> type[data.Struct]:
    """The struct of a command by its opcode."""
    return _LAYOUTS[opcode]
