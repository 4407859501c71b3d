# SPDX-License-Identifier: Apache-2.0
"""Deliberate faults: every way to change one operator, constant or enable in the gateware's sources.

Only what describes hardware is changed (functions with a Module ``m``), one place at a time, on one line, as a slip of
the hand would: a wrong sign, an off-by-one, a missing enable, swapped operands, a lost inversion.
"""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mutant", "mutants_of"]


@dataclass(frozen=True)
class Mutant:
    """One changed place of one file.

    Parameters
    ----------
    path:
        The file, relative to the checkout.
    line:
        Counted from 1.
    was, becomes:
        The source text of the place.
    start, end:
        Offsets of that text in the file.
    """

    path: Path
    line: int
    was: str
    becomes: str
    start: int
    end: int

    def apply(self, source: str) -> str:
        """The file's text with the fault."""
        assert source[self.start : self.end] == self.was
        return source[: self.start] + self.becomes + source[self.end :]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.was} → {self.becomes}"


_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "-", ast.Sub: "+", ast.BitAnd: "|", ast.BitOr: "&"}
_COMPARISONS: dict[type[ast.cmpop], str] = {ast.Eq: "!=", ast.NotEq: "==", ast.Lt: "<=", ast.GtE: ">", ast.Gt: ">="}

Text = Callable[[ast.AST], str]


def _describes_hardware(function: ast.FunctionDef) -> bool:
    return function.name == "elaborate" or any(a.arg == "m" for a in function.args.args)


def _changes(node: ast.AST, text: Text) -> Iterator[str]:
    """What the source text of a node could be mistaken for."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            yield f"({text(left)} {_OPERATORS[type(op)]} {text(right)})"
        case ast.Compare(left, [op], [right]) if type(op) in _COMPARISONS:
            yield f"({text(left)} {_COMPARISONS[type(op)]} {text(right)})"
        case ast.UnaryOp(ast.Invert(), operand):
            yield f"({text(operand)})"
        case ast.Call(ast.Name("Mux"), [condition, yes, no]):
            yield f"Mux({text(condition)}, {text(no)}, {text(yes)})"
        case ast.Call(ast.Attribute(ast.Name("m"), "If" | "Elif") as function, [_]):
            yield f"{text(function)}(1)"
        case ast.Call(ast.Attribute(_, "eq") as function, [ast.Constant(0 | 1 as value)]):
            yield f"{text(function)}({1 - value})"
        case ast.Call(ast.Name("delay"), [m, value, ast.Constant(int() as cycles), name]):
            yield f"delay({text(m)}, {text(value)}, {cycles + 1}, {text(name)})"
        case ast.BinOp(left, ast.Add() | ast.Sub() as op, ast.Constant(1)):
            yield f"({text(left)})"


def mutants_of(path: Path, checkout: Path) -> Iterator[Mutant]:
    """Every fault of one file, in the order of its text."""
    source = (checkout / path).read_text(encoding="utf-8")
    lines = [0]
    for line in source.encode().splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    encoded = source.encode()

    def offset(line: int, column: int) -> int:
        return len(encoded[: lines[line - 1] + column].decode())

    def text(node: ast.AST) -> str:
        segment = ast.get_source_segment(source, node)
        assert segment is not None
        return segment

    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef) or not _describes_hardware(function):
            continue
        for node in ast.walk(function):
            if not isinstance(node, ast.expr) or node.end_lineno != node.lineno or node.end_col_offset is None:
                continue
            start, end = offset(node.lineno, node.col_offset), offset(node.lineno, node.end_col_offset)
            for becomes in _changes(node, text):
                yield Mutant(path, node.lineno, source[start:end], becomes, start, end)
