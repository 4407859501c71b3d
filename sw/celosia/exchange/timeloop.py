# SPDX-License-Identifier: Apache-2.0
"""Workloads as Timeloop reads them: a YAML file with one ``problem`` for each layer that multiplies.

The form is Timeloop's 0.4 (its ``problem-shapes/cnn_layer.yaml``, and the inputs of timeloop-accelergy-exercises): a
shape of named dimensions, coefficients and data spaces with their projections, and an instance with the sizes.
Dimensions are those of the exercises: ``N`` batch, ``M`` filters, ``C`` channels, ``Q P`` rows and columns of the
output, ``S R`` of the window; ``Hstride Wstride Hdilation Wdilation`` are the coefficients. A depthwise layer has ``C``
in its outputs. What a dimension means is read from the projections, so other names (``K`` for filters, …) are
understood, too. A problem has no padding and no source: a layer that fits the output of the one before reads it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .document import Value, load
from .errors import ExchangeError
from .workload import Layer, Span, chained, plain

__all__ = ["Names", "Problem", "file_name", "files_of", "problem_in", "read", "write"]

VERSION = "0.4"


@dataclass(frozen=True)
class Names:
    """What the dimensions of a problem are called; empty where it has none."""

    batch: str = ""
    filters: str = ""
    channels: str = ""
    groups: str = ""
    rows: str = ""
    columns: str = ""
    tall: str = ""
    wide: str = ""

    def used(self) -> dict[str, str]:
        """The names that are not empty, by what they mean."""
        return {meaning: name for meaning, name in vars(self).items() if name}


@dataclass(frozen=True)
class Problem:
    """A layer, and what its file calls its dimensions."""

    layer: Layer
    names: Names


# --- writing ---

_COEFFICIENTS = ("Wstride", "Hstride", "Wdilation", "Hdilation")


def write(layer: Layer) -> str:
    """A layer that multiplies, as the text of a problem."""
    depthwise = layer.kind == "depthwise"
    multiplier = layer.filters // layer.channels if depthwise else 0
    filters = "[[M]], " if not depthwise or multiplier > 1 else ""
    channel = "[[C]], " if depthwise else ""
    dims = [d for d in ("C", "M", "R", "S", "N", "P", "Q") if d != "M" or filters]
    sizes = {
        "C": layer.channels, "M": multiplier if depthwise else layer.filters,
        "R": layer.x.kernel, "S": layer.y.kernel, "N": layer.batch, "P": layer.x.out, "Q": layer.y.out,
    }  # fmt: skip
    values = (layer.x.stride, layer.y.stride, layer.x.dilation, layer.y.dilation)
    instance = {d: sizes[d] for d in dims} | dict(zip(_COEFFICIENTS, values, strict=True))
    return "\n".join(
        [
            "problem:",
            f"  version: '{VERSION}'",
            "  shape:",
            f"    name: {layer.name}",
            f"    dimensions: [{', '.join(dims)}]",
            "    coefficients:",
            *(f"    - {{name: {name}, default: 1}}" for name in _COEFFICIENTS),
            "    data_spaces:",
            "    - name: Weights",
            f"      projection: [[[C]], {filters}[[R]], [[S]]]",
            "    - name: Inputs",
            "      projection: [[[N]], [[C]], [[R, Wdilation], [P, Wstride]], [[S, Hdilation], [Q, Hstride]]]",
            "    - name: Outputs",
            f"      projection: [[[N]], {channel}{filters}[[Q]], [[P]]]",
            "      read_write: true",
            f"  instance: {{{', '.join(f'{name}: {value}' for name, value in instance.items())}}}",
            "",
        ]
    )


def file_name(number: int, layer: Layer) -> str:
    """The file of a layer, so that files in the order of their names are layers in order."""
    return f"{number:03}_{layer.name[-80:]}.yaml"


# --- reading ---


def read(path: Path) -> list[Layer]:
    """The layer of a problem file, or those of a folder of them in the order of their names.

    Raises
    ------
    ExchangeError
        A problem is no convolution or matrix product; the message names line and key.
    OSError
        A file cannot be read.
    """
    return chained([problem_in(load(file)).layer for file in files_of(path)])


def files_of(path: Path) -> list[Path]:
    """A file, or the files of a folder that hold a problem."""
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.iterdir())
        if file.suffix in (".yaml", ".yml") and re.search(r"^problem:", file.read_text(errors="replace"), re.MULTILINE)
    ]
    if not files:
        raise ExchangeError(f"{path}: no .yaml file in this folder has a problem: name a folder of Timeloop's problems")
    return files


def problem_in(document: Value) -> Problem:
    """The problem of a document."""
    problem = document.need("problem")
    shape = problem.need("shape")
    dims = [value.text() for value in shape.need("dimensions")]
    sizes, factors = _instance(problem, shape, dims)
    spaces = {entry.need("name").text(): entry.need("projection") for entry in shape.need("data_spaces")}
    if set(spaces) != {"Weights", "Inputs", "Outputs"}:
        raise shape.need("data_spaces").wrong(f"Weights, Inputs and Outputs are needed, not {', '.join(spaces)}")
    ranks = {name: _ranks(projection, dims) for name, projection in spaces.items()}
    return _problem(shape, plain(_text(shape.get("name"))) or plain(document.path.stem), ranks, sizes, factors)


def _text(value: Value | None) -> str:
    return "" if value is None else value.text()


def _instance(problem: Value, shape: Value, dims: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Sizes of the dimensions, and of the coefficients."""
    instance = problem.need("instance")
    given = instance.items()
    sizes = {dim: instance.need(dim).integer(1) for dim in dims}
    factors: dict[str, int] = {}
    for entry in shape.get("coefficients") or ():
        name, default = entry.need("name").text(), entry.get("default")
        factors[name] = given[name].integer(1) if name in given else default.integer(1) if default else 1
    return sizes, factors


def _ranks(projection: Value, dims: Sequence[str]) -> list[list[tuple[str, str]]]:
    """Each rank of a data space as a sum of dimensions, each with its coefficient or nothing."""
    result: list[list[tuple[str, str]]] = []
    for rank in projection:
        terms: list[tuple[str, str]] = []
        for term in rank if rank.is_list else (rank,):
            parts = [part.text() for part in term] if term.is_list else [term.text()]
            found = [part for part in parts if part in dims]
            if len(found) != 1:
                raise term.wrong(f"{parts} must be one of the dimensions {', '.join(dims)} and perhaps a coefficient")
            terms.append((found[0], next((part for part in parts if part not in dims), "")))
        result.append(terms)
    return result


def _problem(
    shape: Value, name: str, ranks: Mapping[str, list[list[tuple[str, str]]]], sizes: Mapping[str, int],
    factors: Mapping[str, int],
) -> Problem:  # fmt: skip
    flat = {space: [dim for rank in terms for dim, _ in rank] for space, terms in ranks.items()}
    windows = [rank for rank in ranks["Inputs"] if len(rank) == 2]
    inside = {dim for rank in windows for dim, _ in rank}
    weights, inputs, outputs = (set(flat[space]) for space in ("Weights", "Inputs", "Outputs"))
    batch = sorted((inputs & outputs) - weights - inside)
    groups = sorted((weights & inputs & outputs) - inside)
    reduced = sorted((weights & inputs) - outputs - inside)
    made = sorted((weights & outputs) - inputs - inside)
    pairs = [_pair(shape, rank, weights, outputs, factors) for rank in windows]
    plainly = max(map(len, (batch, groups, made))) <= 1 and len(reduced) <= 1 and len(pairs) <= 2
    understood = inside.union(batch, groups, reduced, made)
    if not plainly or (groups and reduced) or set(sizes) - understood or (groups and not pairs):
        raise shape.need("data_spaces").wrong(
            "no convolution, depthwise convolution or matrix product: Celosia has loops over N, M, C, Q, P, S and R"
        )
    vertical, horizontal = _directions(pairs, flat["Outputs"])
    first = [next(iter(part), "") for part in (batch, made, reduced, groups)]
    names = Names(
        batch=first[0], filters=first[1], channels=first[2], groups=first[3],
        rows=vertical[1], columns=horizontal[1], tall=vertical[0], wide=horizontal[0],
    )  # fmt: skip

    def size(dim: str) -> int:  # 1 for a dimension that is absent
        return sizes.get(dim, 1)

    y, x = (Span(size(out), size(tap), stride, dilation) for tap, out, stride, dilation in (vertical, horizontal))
    channels, each = size(names.channels) * size(names.groups), size(names.filters)
    kind = "depthwise" if groups and channels > 1 else "conv" if pairs else "dense"
    filters = channels * each if groups else each
    layer = Layer(name=name, kind=kind, batch=size(names.batch), channels=channels, filters=filters, y=y, x=x)
    return Problem(layer, names)


_Pair = tuple[str, str, int, int]
"""Tap, output, stride, dilation."""


def _pair(
    shape: Value, rank: Sequence[tuple[str, str]], weights: set[str], outputs: set[str], factors: Mapping[str, int]
) -> tuple[_Pair, str]:
    """A window in one direction, and what its stride is called."""
    tap = next(((dim, by) for dim, by in rank if dim in weights and dim not in outputs), None)
    out = next(((dim, by) for dim, by in rank if dim in outputs and dim not in weights), None)
    if tap is None or out is None:
        dims = " + ".join(dim for dim, _ in rank)
        raise shape.need("data_spaces").wrong(f"{dims}: a sum must be of a window's dimension and one of the outputs'")
    return (tap[0], out[0], factors.get(out[1], 1), factors.get(tap[1], 1)), out[1]


def _directions(pairs: Sequence[tuple[_Pair, str]], outputs: Sequence[str]) -> tuple[_Pair, _Pair]:
    """Rows and columns: by the names of the strides, else the columns are innermost in the outputs."""
    none: _Pair = ("", "", 1, 1)
    if not pairs:
        return none, none
    ordered = sorted(pairs, key=lambda pair: outputs.index(pair[0][1]))
    if len(pairs) == 1:
        return (ordered[0][0], none) if ordered[0][1].startswith("H") else (none, ordered[0][0])
    if ordered[0][1].startswith("W") and ordered[1][1].startswith("H"):
        ordered.reverse()
    return ordered[0][0], ordered[1][0]
