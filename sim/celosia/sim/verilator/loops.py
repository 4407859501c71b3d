# SPDX-License-Identifier: Apache-2.0
"""Equal registers as arrays that loops compute: what a C++ compiler can turn into vector instructions.

Yosys leaves a flat netlist in which every register of every copy of a block is a variable of its own. Verilator makes
straight code of it, and the processor spends its time fetching that code. Registers whose names differ in their
numbers alone become one array::

    reg signed [19:0] \\pe_0_1.psum = 0;             reg signed [19:0] loop_7 [0:255], loop_7_next [0:255];
    always @(posedge clk)                            always @(posedge clk) begin
      if (_12_) \\pe_0_1.psum <= 0;                    for (int unsigned i = 0; i < 255; i = i + 1) begin
      else \\pe_0_1.psum <= _34_;             ──►        x0 = loop_7[i + 0]; x1 = loop_3[i + 1]; x2 = loop_4[i + 1];
    assign _34_ = \\pe_0_0.psum + _56_;                   l0 = x1 * x2; l1 = x0 + l0;
    assign _56_ = \\pe_0_1.a * \\pe_0_1.b;                  loop_7_next[i + 1] = l1;
    … and the same 255 times                           end
                                                       if (_12_) for (…) loop_7_next[i] = 0;
                                                       loop_7 <= loop_7_next;

Nothing else changes: an expression is copied as it stands, each intermediate wire keeps its declared width and sign,
and what fits no loop is assigned element by element. ``loop_7_next`` keeps what an enable leaves alone.
"""

import collections
import itertools
import math
import re
from dataclasses import dataclass, field

from .flat_verilog import TOKEN, WIDEST, Netlist, Register, fold_equal, width
from .shapes import Shape, shape

__all__ = ["roll"]

SMALLEST = 8
"""Registers in an array, and turns of a loop with an expression."""

SHORTEST_COPY = 4
"""Turns of a loop that only copies."""

_NUMBER = re.compile(r"\d+")


@dataclass
class _Array:
    """The registers of one class, in their order."""

    name: str
    kind: str
    reset: str | None
    members: list[Register]
    body: list[str] = field(default_factory=list)


def roll(text: str) -> str:
    """Verilog with arrays and loops for the equal registers of Yosys' flat Verilog.

    Parameters
    ----------
    text:
        One module, as ``write_verilog -noattr`` writes it after ``proc`` and ``flatten``, its clock called ``clk``.
    """
    netlist = Netlist([fold_equal(line) for line in text.splitlines()])
    prefix = next(name for n in itertools.count() if (name := f"loop{n or ''}_") not in text)
    arrays = _arrays(netlist.registers, prefix)
    places = {register.name: (array, i) for array in arrays for i, register in enumerate(array.members)}
    roller = _Roller(netlist, places)
    for array in arrays:
        roller.fill(array)
    gone = {line for array in arrays for register in array.members for line in register.lines}
    kept = [line for number, line in enumerate(netlist.lines) if number not in gone]
    end = kept.index("endmodule")
    start = next(number for number, line in enumerate(kept) if line.startswith("  "))
    declared = [line for array in arrays for line in _declare(array)]
    body = [roller.rename(line) for line in kept[start:end]]
    return "\n".join([*kept[:start], *declared, *body, *_block(arrays), *kept[end:], ""])


# --- which registers ---


def _arrays(registers: list[Register], prefix: str) -> list[_Array]:
    """Classes large enough, in the order in which they appear; always the same for the same text."""
    classes: dict[tuple[str, str, str | None], list[Register]] = collections.defaultdict(list)
    for register in registers:
        if _NUMBER.search(register.name):
            classes[(_NUMBER.sub("#", register.name), register.kind, register.reset)].append(register)
    large = [(key, members) for key, members in classes.items() if len(members) >= SMALLEST]
    return [
        _Array(f"{prefix}{number}", kind, reset, _sorted(members))
        for number, ((_, kind, reset), members) in enumerate(large)
    ]


def _sorted(members: list[Register]) -> list[Register]:
    """In the order of their numbers, or with a number at the end of the name first.

    The first keeps the stages of a delay together, the second the elements of one stage: whichever leaves more of
    them one step from where their values come from.
    """

    def numbers(register: Register) -> tuple[int, ...]:
        return tuple(int(number) for number in _NUMBER.findall(register.name))

    def breaks(order: list[Register]) -> int:
        place = {register.name: number for number, register in enumerate(order)}
        sources = [place.get(register.value.strip() + " ", place.get(register.value, -9)) for register in order]
        return sum(after != before + 1 for before, after in itertools.pairwise(sources))

    natural = sorted(members, key=numbers)
    if not members[0].name.strip()[-1].isdigit():
        return natural
    return min(sorted(members, key=lambda r: (numbers(r)[-1:], numbers(r))), natural, key=breaks)


def _declare(array: _Array) -> list[str]:
    size = _padded(len(array.members))
    return [f"  reg {array.kind}{array.name} [0:{size - 1}], {array.name}_next [0:{size - 1}];"]


def _padded(count: int) -> int:
    """Elements of an array that needs ``count``: a power of two, for which Verilator checks no index."""
    return 1 << (count - 1).bit_length()


def _block(arrays: list[_Array]) -> list[str]:
    """Initial values, and one block for the edge: with one for each array, Verilator would copy them once more."""
    if not arrays:
        return []
    initial = [f"initial {_every(array)} begin {array.name}[i] = 0; {array.name}_next[i] = 0; end" for array in arrays]
    resets = [
        f"if ({array.reset}) {_every(array)} {array.name}_next[i] = 0;" for array in arrays if array.reset is not None
    ]
    updates = [f"{array.name} <= {array.name}_next;" for array in arrays]
    body = [line for array in arrays for line in array.body]
    lines = [*initial, "always @(posedge clk) begin", *body, *resets, *updates, "end"]
    return [f"  {line}" for line in lines]


def _every(array: _Array) -> str:
    return f"for (int unsigned i = 0; i < {len(array.members)}; i = i + 1)"


# --- how they are computed ---


class _Roller:
    """Writes the statements of arrays."""

    def __init__(self, netlist: Netlist, places: dict[str, tuple[_Array, int]]):
        self._netlist = netlist
        self._places = places
        self._temporaries = itertools.count()

    def rename(self, text: str) -> str:
        """Names of registers that are elements now become elements."""

        def replace(match: re.Match[str]) -> str:
            place = self._places.get(match[0])
            return match[0] if place is None else f"{place[0].name}[{place[1]}]"

        return TOKEN.sub(replace, text)

    def fill(self, array: _Array) -> None:
        """Write the body of an array's block."""
        shapes = [shape(register, self._netlist, self._places) for register in array.members]
        keys = [(found and found[0], register.enable) for found, register in zip(shapes, array.members, strict=True)]
        blocks: dict[str | None, list[str]] = {None: []}
        first = 0
        for (common, enable), group in itertools.groupby(keys):
            last = first + len(list(group))
            lines = blocks.setdefault(enable, [])
            turns = [found[1] for found in shapes[first:last] if found]
            if common is None or not self._loop(lines, array, first, common, turns):
                lines += self._elements(array, first, last)
            first = last
        for enable, lines in blocks.items():
            array.body += lines if enable is None else [f"if ({self.rename(enable)}) begin", *lines, "end"]

    def _elements(self, array: _Array, first: int, last: int) -> list[str]:
        values = [self.rename(register.value) for register in array.members[first:last]]
        return [f"{array.name}_next[{number}] = {value};" for number, value in enumerate(values, first)]

    def _loop(self, lines: list[str], array: _Array, first: int, shape: Shape, turns: list[tuple[str, ...]]) -> bool:
        """Write the loop for ``turns`` from element ``first``; False, and nothing written, if it does not pay.

        Indices grow from 0 and leaves are read before they are used, whichever the expression needs in the end:
        so the compiler sees that no read is out of bounds, and no branch is left.
        """
        if shape.texts == (("", 0, ""),):
            self._copy(lines, f"{array.name}_next", first, [leaves[0] for leaves in turns])
            return True
        count = len(turns)
        if count < SMALLEST:
            return False
        declared: list[str] = []
        gathers: list[str] = []
        reads: list[str] = []
        loose = 0
        for slot, kind in enumerate(shape.leaves):
            column = [leaves[slot] for leaves in turns]
            runs = self._runs(column)
            if len(set(column)) == 1:
                source = self.rename(column[0])
            elif len(runs) == 1:
                source = self._element(column[0])
            else:
                if width(kind) > WIDEST:
                    return False
                loose += self._loose(column)
                gathered = f"{array.name}_leaf_{next(self._temporaries)}"
                declared.append(f"reg {kind}{gathered} [0:{_padded(count) - 1}];")
                self._gather(gathers, gathered, column)
                source = f"{gathered}[i]"
            reads.append(f"x{slot} = {source};")
        if loose > count * len(shape.texts):
            return False
        declared += [f"reg {kind}x{slot};" for slot, kind in enumerate(shape.leaves)]
        declared += [f"reg {kind}l{number};" for number, kind in enumerate(shape.wires[:-1])]
        zeros = [f"x{slot} = 0;" for slot in range(len(shape.leaves))]
        zeros += [f"l{number} = 0;" for number in range(len(shape.wires) - 1)]
        lines += ["begin", *declared, *zeros, *gathers]
        lines += [f"for (int unsigned i = 0; i < {count}; i = i + 1) begin", *reads]
        for number, text in enumerate(shape.texts):
            target = f"{array.name}_next[i + {first}]" if number == len(shape.texts) - 1 else f"l{number}"
            value = "".join(p if isinstance(p, str) else f"x{p}" if p >= 0 else f"l{-p - 1}" for p in text)
            lines.append(f"{target} = {value};")
        lines += ["end", "end"]
        return True

    def _gather(self, lines: list[str], target: str, column: list[str]) -> None:
        """Statements for ``target[n] = column[n]``, where each element may come several times in a row."""
        times = _times(column)
        if times == 1:
            self._copy(lines, target, 0, column)
            return
        for start, length in self._runs(column[::times]):
            if length < SHORTEST_COPY:
                numbers = range(times * start, times * (start + length))
                lines += [f"{target}[{n}] = {self.rename(column[n])};" for n in numbers]
            else:
                source = self._element(column[times * start])
                writes = [f"{target}[{times} * i + {times * start + k}] = {source};" for k in range(times)]
                lines += [f"for (int unsigned i = 0; i < {length}; i = i + 1) begin", *writes, "end"]

    def _loose(self, column: list[str]) -> int:
        """Elements of a column that are assigned one by one."""
        times = _times(column)
        return times * sum(length for _, length in self._runs(column[::times]) if length < SHORTEST_COPY)

    def _copy(self, lines: list[str], target: str, first: int, column: list[str]) -> None:
        """Statements for ``target[first + n] = column[n]``."""
        for start, length in self._stretches(column):
            if length < SHORTEST_COPY:
                lines += [f"{target}[{first + n}] = {self.rename(column[n])};" for n in range(start, start + length)]
            else:
                source = self._element(column[start])
                lines.append(
                    f"for (int unsigned i = 0; i < {length}; i = i + 1) {target}[i + {first + start}] = {source};"
                )

    def _stretches(self, column: list[str]) -> list[tuple[int, int]]:
        """Starts and lengths of what to copy, in this order: the commonest distance in one go, then what differs."""
        runs = self._runs(column)
        lengths: collections.Counter[tuple[str, int]] = collections.Counter()
        for start, length in runs:
            if place := self._places.get(column[start]):
                lengths[(place[0].name, place[1] - start)] += length
        if not lengths:
            return runs
        (name, distance), _ = lengths.most_common(1)[0]

        def common(run: tuple[int, int]) -> bool:
            place = self._places.get(column[run[0]])
            return place is not None and (place[0].name, place[1] - run[0]) == (name, distance)

        usual = [run for run in runs if common(run)]
        whole = (usual[0][0], sum(usual[-1]) - usual[0][0])
        return [whole, *(run for run in runs if not common(run))]

    def _runs(self, column: list[str]) -> list[tuple[int, int]]:
        """Starts and lengths of the stretches whose names are neighbours in one array."""
        runs: list[tuple[int, int]] = []
        before: tuple[_Array, int] | None = None
        for number, name in enumerate(column):
            place = self._places.get(name)
            if place and before and place[0] is before[0] and place[1] == before[1] + 1:
                runs[-1] = (runs[-1][0], runs[-1][1] + 1)
            else:
                runs.append((number, 1))
            before = place
        return runs

    def _element(self, name: str) -> str:
        """The element that is ``name`` in turn 0 of a loop and moves on with it."""
        array, place = self._places[name]
        return f"{array.name}[i + {place}]"


def _times(column: list[str]) -> int:
    """How often every element of a column comes in a row."""
    lengths = {len(list(group)) for _, group in itertools.groupby(column)}
    return math.gcd(*lengths)
