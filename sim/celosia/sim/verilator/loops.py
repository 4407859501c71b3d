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
import re
from dataclasses import dataclass, field

__all__ = ["roll"]

SMALLEST = 8
"""Registers in an array, and turns of a loop with an expression."""

SHORTEST_COPY = 4
"""Turns of a loop that only copies."""

LARGEST = 24
"""Wires in the expression of one register; a larger one is left alone."""

WIDEST = 64
"""Bits of a register: wider ones are arrays of words in C++ already."""

_TOKEN = re.compile(
    r"""(?P<skip>"[^"]*"|\$\w+|\d*'s?[bdho][0-9a-fA-FxzXZ?_]+|\d+)|(?P<name>\\\S+[ ]|[A-Za-z_][A-Za-z0-9_$]*)"""
)
_DECLARATION = re.compile(r"  (wire|reg) ((?:signed )?(?:\[(\d+):0\] )?)(\\\S+ |\w+)(?: = \d+'[hd](0+))?;")
_ASSIGN = re.compile(r"  assign (\\\S+ |\w+) = (.*);")
_PORT = re.compile(r"  (?:input|output|inout) (?:\[\d+:\d+\] )?(\w+);")
_RESET = re.compile(r"    if \((\w+)\) (\\\S+ |\w+) <= \d+'[hd]0+;")
_UPDATE = re.compile(r"    (?:else )?(?:if \((.*)\) )?(\\\S+ |\w+) <= (.*);")
_ALWAYS = "  always @(posedge clk)"
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class _Register:
    """A register that may become an element: where it stands, and what it takes at an edge."""

    name: str
    kind: str
    reset: str | None
    enable: str | None
    value: str
    lines: tuple[int, ...]


@dataclass
class _Array:
    """The registers of one class, in their order."""

    name: str
    kind: str
    reset: str | None
    members: list[_Register]
    body: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Shape:
    """An expression with its leaves taken out: equal shapes fit one loop."""

    wires: tuple[str, ...]
    """The declared type of each intermediate wire, and the last, the register's."""
    texts: tuple[tuple[str | int, ...], ...]
    """What each is assigned: text, leaves as numbers from 0, wires as numbers from −1 down."""
    leaves: tuple[str, ...]
    """The declared type of each leaf."""


class _Netlist:
    """Lines of Yosys' Verilog, and what they declare."""

    def __init__(self, lines: list[str]):
        self.lines = lines
        self.kinds: dict[str, str] = {}
        self.assigned: dict[str, str] = {}
        self.registers: list[_Register] = []
        ports = {match[1] for line in lines if (match := _PORT.fullmatch(line))}
        zero: dict[str, int] = {}
        for number, line in enumerate(lines):
            if match := _DECLARATION.fullmatch(line):
                self.kinds[match[4]] = match[2]
                if match[1] == "reg" and match[5] and match[4] not in ports and int(match[3] or 0) < WIDEST:
                    zero[match[4]] = number
            elif match := _ASSIGN.fullmatch(line):
                self.assigned[match[1]] = match[2]
            elif line == _ALWAYS:
                self._take_register(number, zero)

    def _take_register(self, number: int, zero: dict[str, int]) -> None:
        reset = _RESET.fullmatch(self.lines[number + 1])
        last = number + (2 if reset else 1)
        update = _UPDATE.fullmatch(self.lines[last])
        if not update or update[2] not in zero or (reset and reset[2] != update[2]):
            return
        if reset is None and self.lines[last + 1].startswith("    "):
            return
        name = update[2]
        lines = (zero[name], *range(number, last + 1))
        self.registers.append(
            _Register(name, self.kinds[name], reset[1] if reset else None, update[1], update[3], lines)
        )


def roll(text: str) -> str:
    """Verilog with arrays and loops for the equal registers of Yosys' flat Verilog.

    Parameters
    ----------
    text:
        One module, as ``write_verilog -noattr`` writes it after ``proc`` and ``flatten``, its clock called ``clk``.
    """
    netlist = _Netlist(text.splitlines())
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
    blocks = [line for array in arrays for line in _block(array)]
    body = [roller.rename(line) for line in kept[start:end]]
    return "\n".join([*kept[:start], *declared, *body, *blocks, *kept[end:], ""])


# --- which registers ---


def _arrays(registers: list[_Register], prefix: str) -> list[_Array]:
    """Classes large enough, in the order in which they appear; always the same for the same text."""
    classes: dict[tuple[str, str, str | None], list[_Register]] = collections.defaultdict(list)
    for register in registers:
        if _NUMBER.search(register.name):
            classes[(_NUMBER.sub("#", register.name), register.kind, register.reset)].append(register)
    large = [(key, members) for key, members in classes.items() if len(members) >= SMALLEST]
    return [
        _Array(f"{prefix}{number}", kind, reset, _sorted(members))
        for number, ((_, kind, reset), members) in enumerate(large)
    ]


def _sorted(members: list[_Register]) -> list[_Register]:
    """In the order of their numbers, or with a number at the end of the name first.

    The first keeps the stages of a delay together, the second the elements of one stage: whichever leaves more of
    them one step from where their values come from.
    """

    def numbers(register: _Register) -> tuple[int, ...]:
        return tuple(int(number) for number in _NUMBER.findall(register.name))

    def breaks(order: list[_Register]) -> int:
        place = {register.name: number for number, register in enumerate(order)}
        sources = [place.get(register.value.strip() + " ", place.get(register.value, -9)) for register in order]
        return sum(after != before + 1 for before, after in itertools.pairwise(sources))

    natural = sorted(members, key=numbers)
    if not members[0].name.strip()[-1].isdigit():
        return natural
    return min(sorted(members, key=lambda r: (numbers(r)[-1:], numbers(r))), natural, key=breaks)


def _declare(array: _Array) -> list[str]:
    last = len(array.members) - 1
    return [f"  reg {array.kind}{array.name} [0:{last}], {array.name}_next [0:{last}];"]


def _block(array: _Array) -> list[str]:
    name = array.name
    every = f"for (int unsigned i = 0; i < {len(array.members)}; i = i + 1)"
    body = array.body
    if array.reset is not None:
        body = [*body, f"if ({array.reset}) {every} {name}_next[i] = 0;"]
    lines = [
        f"initial {every} begin {name}[i] = 0; {name}_next[i] = 0; end",
        f"always @(posedge clk) begin : {name}_block",
        *body,
        f"{name} <= {name}_next;",
        "end",
    ]
    return [f"  {line}" for line in lines]


# --- how they are computed ---


class _Roller:
    """Writes the statements of arrays."""

    def __init__(self, netlist: _Netlist, places: dict[str, tuple[_Array, int]]):
        self._kinds, self._assigned = netlist.kinds, netlist.assigned
        self._places = places
        self._temporaries = itertools.count()

    def rename(self, text: str) -> str:
        """Names of registers that are elements now become elements."""

        def replace(match: re.Match[str]) -> str:
            place = self._places.get(match[0])
            return match[0] if place is None else f"{place[0].name}[{place[1]}]"

        return _TOKEN.sub(replace, text)

    def fill(self, array: _Array) -> None:
        """Write the body of an array's block."""
        shapes = [self._shape(register) for register in array.members]
        position = 0
        for shape, group in itertools.groupby(shapes, lambda pair: pair and pair[0]):
            pairs = list(group)
            turns = [pair[1] for pair in pairs if pair]
            if shape is None or not self._loop(array, position, shape, turns):
                self._elements(array, position, len(pairs))
            position += len(pairs)
        enabled: dict[str, list[str]] = collections.defaultdict(list)
        for number, register in enumerate(array.members):
            if register.enable is not None:
                enabled[register.enable].append(f"{array.name}_next[{number}] = {self.rename(register.value)};")
        for enable, lines in enabled.items():
            array.body += [f"if ({self.rename(enable)}) begin", *lines, "end"]

    def _elements(self, array: _Array, first: int, count: int) -> None:
        for number in range(first, first + count):
            register = array.members[number]
            if register.enable is None:
                array.body.append(f"{array.name}_next[{number}] = {self.rename(register.value)};")

    # --- shapes ---

    def _shape(self, register: _Register) -> tuple[_Shape, tuple[str, ...]] | None:
        """The shape of a register's next value and its leaves; None if it has an enable or is too large."""
        if register.enable is not None:
            return None
        leaves: dict[str, int] = {}
        wires: dict[str, int] = {}
        kinds: list[str] = []
        texts: list[tuple[str | int, ...]] = []

        def walk(text: str) -> tuple[str | int, ...]:
            parts: list[str | int] = []
            end = 0
            for match in _TOKEN.finditer(text):
                name = match["name"]
                if name is None:
                    continue
                parts += [text[end : match.start()], visit(name)]
                end = match.end()
            return (*parts, text[end:])

        def visit(name: str) -> int:
            if name in wires:
                return wires[name]
            known = name in self._assigned and name in self._kinds  # else a part of a wire, with a range of its own
            if known and name not in self._places and len(wires) < LARGEST:
                inside = walk(self._assigned[name])
                texts.append(inside)
                kinds.append(self._kinds[name])
                wires[name] = -len(texts)
                return wires[name]
            return leaves.setdefault(name, len(leaves))

        texts.append(walk(register.value))
        kinds.append(register.kind)
        if len(wires) >= LARGEST or not all(name in self._kinds for name in leaves):
            return None
        return _Shape(tuple(kinds), tuple(texts), tuple(self._kinds[name] for name in leaves)), tuple(leaves)

    # --- loops ---

    def _loop(self, array: _Array, first: int, shape: _Shape, turns: list[tuple[str, ...]]) -> bool:
        """Write the loop for ``turns`` from element ``first``; False, and nothing written, if it does not pay.

        Indices grow from 0 and leaves are read before they are used, whichever the expression needs in the end:
        so the compiler sees that no read is out of bounds, and no branch is left.
        """
        if shape.texts == (("", 0, ""),):
            self._copy(array.body, f"{array.name}_next", first, [leaves[0] for leaves in turns])
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
                loose += sum(length for _, length in runs if length < SHORTEST_COPY)
                gathered = f"{array.name}_leaf_{next(self._temporaries)}"
                declared.append(f"reg {kind}{gathered} [0:{count - 1}];")
                self._copy(gathers, gathered, 0, column)
                source = f"{gathered}[i]"
            reads.append(f"x{slot} = {source};")
        if loose > count:
            return False
        declared += [f"reg {kind}x{slot};" for slot, kind in enumerate(shape.leaves)]
        declared += [f"reg {kind}l{number};" for number, kind in enumerate(shape.wires[:-1])]
        zeros = [f"x{slot} = 0;" for slot in range(len(shape.leaves))]
        zeros += [f"l{number} = 0;" for number in range(len(shape.wires) - 1)]
        array.body += ["begin", *declared, *zeros, *gathers]
        array.body += [f"for (int unsigned i = 0; i < {count}; i = i + 1) begin", *reads]
        for number, text in enumerate(shape.texts):
            target = f"{array.name}_next[i + {first}]" if number == len(shape.texts) - 1 else f"l{number}"
            value = "".join(p if isinstance(p, str) else f"x{p}" if p >= 0 else f"l{-p - 1}" for p in text)
            array.body.append(f"{target} = {value};")
        array.body += ["end", "end"]
        return True

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
