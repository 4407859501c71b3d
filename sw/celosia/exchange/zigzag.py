# SPDX-License-Identifier: Apache-2.0
"""Workloads as ZigZag reads them: a YAML list of layers, each with an equation and the sizes of its loops.

The fields are those of zigzag-dse 3.9.1 (``zigzag/parser/workload_validator.py``). Here, ``B`` is the batch, ``G``
groups of ``K`` filters and ``C`` channels each, ``OY OX`` the output, ``FY FX`` the window. ``pr_loop_sizes`` are the
rows and columns of the input, ``padding`` what is around it. ``operand_source`` names the layer that makes an operand;
a layer's own number stands for what comes from outside. Where a file leaves the padding out, the window's missing rows
and columns are padding if the source has too few.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from .document import Value, load
from .workload import Layer, Span, plain

__all__ = ["layers_in", "operator", "read", "write"]

_GROUPED = "O[b][g][k][oy][ox]+=W[g][k][c][fy][fx]*I[b][g][c][iy][ix]"
_DENSE = "O[b][k]+=W[k][c]*I[b][c]"
_POOL = "O[b][g][oy][ox]+=W[fy][fx]*I[b][g][iy][ix]"
_ADD = "O[b][g][oy][ox]=W[b][g][oy][ox]+I[b][g][oy][ox]"

_POOLS = {
    "MaxPool": "maximum", "Pooling": "average", "Pool": "average", "AveragePool": "average",
    "GlobalAveragePool": "average",
}  # fmt: skip
_MULTIPLYING = ("Conv", "Conv_downsample", "SConv", "Gemm")
_DIMENSIONS = ("B", "D", "G", "K", "C", "OY", "OX", "FY", "FX")
_SUMS = 32  # bits


# --- writing ---


def write(layers: Sequence[Layer]) -> str:
    """Layers as the text of a workload file."""
    return "\n".join(_text(number, layer) for number, layer in enumerate(layers))


def _text(number: int, layer: Layer) -> str:
    kind, equation, sizes = _loops(layer)
    lines = [f"- id: {number}", f"  name: {layer.name}", f"  operator_type: {kind}", f"  equation: {equation}"]
    windowed = layer.kind not in ("dense", "add")
    relations = [f"i{a}={s.stride}*o{a}+{s.dilation}*f{a}" for a, s in (("y", layer.y), ("x", layer.x)) if windowed]
    lines.append(f"  dimension_relations: [{', '.join(relations)}]")
    lines.append(f"  loop_dims: [{', '.join(sizes)}]")
    lines.append(f"  loop_sizes: [{', '.join(map(str, sizes.values()))}]")
    if windowed:
        y, x = layer.y, layer.x
        lines.append("  pr_loop_dims: [IY, IX]")
        lines.append(f"  pr_loop_sizes: [{y.size}, {x.size}]")
        lines.append(f"  padding: [[{y.before}, {y.after}], [{x.before}, {x.after}]]")
    constant = 0 if layer.kind in ("average", "maximum") else 8
    lines.append(f"  operand_precision: {{W: {constant}, I: 8, O: {_SUMS}, O_final: 8}}")
    from_ = [number if source is None else source for source in layer.sources]
    first, second = from_ if layer.kind == "add" else (number, from_[0])
    lines.append(f"  operand_source: {{W: {first}, I: {second}}}")
    return "\n".join([*lines, ""])


def _loops(layer: Layer) -> tuple[str, str, Mapping[str, int]]:
    """Operator, equation, and the size of each loop."""
    image = {"OY": layer.y.out, "OX": layer.x.out}
    window = {"FY": layer.y.kernel, "FX": layer.x.kernel}
    if layer.kind == "dense":
        return "Gemm", _DENSE, {"B": layer.batch, "K": layer.filters, "C": layer.channels}
    if layer.kind == "add":
        return "Add", _ADD, {"B": layer.batch, "G": layer.channels, **image}
    if layer.kind in ("average", "maximum"):
        kind = "MaxPool" if layer.kind == "maximum" else "AveragePool"
        return kind, _POOL, {"B": layer.batch, "G": layer.channels, **image, **window}
    groups = layer.channels if layer.kind == "depthwise" else 1
    each = {"G": groups, "K": layer.filters // groups, "C": layer.channels // groups}
    return "Conv", _GROUPED, {"B": layer.batch, **each, **image, **window}


def operator(layer: Layer) -> str:
    """What ZigZag calls the kind of a layer."""
    return _loops(layer)[0]


# --- reading ---


def read(path: Path) -> list[Layer]:
    """The layers of a workload file.

    Raises
    ------
    ExchangeError
        A layer is none that Celosia computes, or reads one that is not before it; the message names line and key.
    OSError
        The file cannot be read.
    """
    return layers_in(load(path))


def layers_in(document: Value) -> list[Layer]:
    """The layers of a document."""
    numbers: dict[int, int] = {}
    layers: list[Layer] = []
    for entry in document:
        number = entry.need("id").integer(0)
        if number in numbers:
            raise entry.need("id").wrong(f"layer {number} is there already: number each layer once")
        layers.append(_layer(entry, number, numbers, layers))
        numbers[number] = len(layers) - 1
    if not layers:
        raise document.wrong("no layers: nothing to import")
    return layers


def _layer(entry: Value, number: int, numbers: Mapping[int, int], before: Sequence[Layer]) -> Layer:
    kind = entry.need("operator_type").text()
    if kind != "Add" and kind not in _POOLS and kind not in _MULTIPLYING:
        known = ", ".join((*_MULTIPLYING, "Add", *_POOLS))
        raise entry.need("operator_type").wrong(f"Celosia does not compute {kind!r}, but {known}")
    sizes = _sizes(entry)
    _check_equation(entry, kind, sizes)
    name_value = entry.get("name")
    name = plain(name_value.text()) if name_value else ""
    layer = _kinds(entry, kind, name or f"layer{number}", sizes)
    sources = _sources(entry, kind, number, numbers)
    layer = replace(layer, sources=sources)
    if layer.kind != "add" and sources[0] is not None and entry.get("padding") is None:
        layer = _fitted(entry, layer, before[sources[0]])
    return layer


def _fitted(entry: Value, layer: Layer, source: Layer) -> Layer:
    """A layer with the padding that the size of its source leaves to it."""
    found = layer.after(source.output_shape)
    if found is None:
        have, want = ("x".join(map(str, s)) for s in (source.output_shape, layer.input_shape))
        raise entry.wrong(f"layer {layer.name} reads {want} values, and its source {source.name} makes {have}")
    return replace(found, sources=layer.sources)


def _kinds(entry: Value, kind: str, name: str, sizes: Mapping[str, int]) -> Layer:
    size = {**dict.fromkeys(_DIMENSIONS, 1), **sizes}
    if kind == "Add":
        y, x, channels = Span(out=size["OY"]), Span(out=size["OX"]), size["G"] * size["K"]
        return Layer(name=name, kind="add", batch=size["B"], channels=channels, filters=channels, y=y, x=x)
    y, x = _span(entry, "Y", size), _span(entry, "X", size)
    if kind in _POOLS:
        channels = size["G"] * size["K"]
        return Layer(name=name, kind=_POOLS[kind], batch=size["B"], channels=channels, filters=channels, y=y, x=x)
    g, k, c = size["G"], size["K"], size["C"]
    if not {"OY", "OX", "FY", "FX", "G"} & set(sizes):
        return Layer(name=name, kind="dense", batch=size["B"] * size["D"], channels=c, filters=k)
    if g > 1 and c > 1:
        raise entry.need("loop_sizes").wrong(f"{g} groups of {c} channels: write a layer for each group")
    kind = "depthwise" if g > 1 else "conv"
    return Layer(name=name, kind=kind, batch=size["B"], channels=g * c, filters=g * k, y=y, x=x)


def _sizes(entry: Value) -> dict[str, int]:
    dims = [value.text() for value in entry.need("loop_dims")]
    sizes = [value.integer(1) for value in entry.need("loop_sizes")]
    if len(dims) != len(sizes) or len(set(dims)) != len(dims):
        raise entry.need("loop_sizes").wrong(f"{len(sizes)} sizes for the loops {', '.join(dims)}: give one for each")
    return dict(zip(dims, sizes, strict=True))


def _check_equation(entry: Value, kind: str, sizes: Mapping[str, int]) -> None:
    """Refuse an equation whose letters mean something else."""
    value = entry.need("equation")
    text = value.text().replace(" ", "")
    match = re.fullmatch(r"O((?:\[\w+\])+)\+?=(\w)((?:\[\w+\])+)[*+](\w)((?:\[\w*\])+)", text)
    operands = {} if match is None else {match[2]: match[3], match[4]: match[5]}
    if match is None or set(operands) != {"W", "I"}:
        raise value.wrong(f"{value.text()!r} is no equation of O, W and I, as in {_GROUPED}")
    allowed = {"O": "b g k d oy ox", "W": "g k c fy fx", "I": "b g c d iy ix"}
    if kind == "Add":
        allowed = dict.fromkeys("OWI", "b g k oy ox")
    elif kind in _POOLS:
        allowed |= {"I": "b g k iy ix"}
    for operand, indices in {"O": match[1], **operands}.items():
        for index in re.findall(r"\w+", indices):
            if index.lower() not in allowed[operand].split():
                raise value.wrong(f"{operand} has the index {index!r}; Celosia computes {_GROUPED} and {_DENSE}")
    for dim in sizes:
        if dim not in _DIMENSIONS:
            raise entry.need("loop_dims").wrong(f"Celosia's layers have no loop {dim!r}, but {' '.join(_DIMENSIONS)}")


def _span(entry: Value, axis: str, size: Mapping[str, int]) -> Span:
    lower = axis.lower()
    stride = dilation = 1
    relations = entry.get("dimension_relations")
    pattern = rf"i{lower}=(?:(\d+)\*)?(o{lower}|f{lower})\+(?:(\d+)\*)?(o{lower}|f{lower})"
    for value in relations or ():
        match = re.fullmatch(pattern, value.text().replace(" ", ""), flags=re.IGNORECASE)
        if match is None:
            continue
        factors = {match[2][0].lower(): int(match[1] or 1), match[4][0].lower(): int(match[3] or 1)}
        stride, dilation = factors.get("o", 1), factors.get("f", 1)
    before, after = _padding(entry, f"I{axis}")
    try:
        return Span(size[f"O{axis}"], size[f"F{axis}"], stride, dilation, before, after)
    except ValueError as error:
        raise entry.wrong(f"loops {'O' + axis} and {'F' + axis}: {error}") from None


def _padding(entry: Value, dim: str) -> tuple[int, int]:
    padding, dims = entry.get("padding"), entry.get("pr_loop_dims")
    if padding is None:
        return 0, 0
    if dims is None:
        raise padding.wrong("padding without 'pr_loop_dims', which say what of: add them")
    for name, pair in zip(dims, padding, strict=False):
        numbers = [value.integer(0) for value in pair]
        if len(numbers) != 2:
            raise pair.wrong(f"padding before and after, two numbers, not {len(numbers)}")
        if name.text() == dim:
            return numbers[0], numbers[1]
    return 0, 0


def _sources(entry: Value, kind: str, number: int, numbers: Mapping[int, int]) -> tuple[int | None, ...]:
    operands: Iterable[str] = ("W", "I") if kind == "Add" else ("I",)
    table = entry.get("operand_source")
    result: list[int | None] = []
    for operand in operands:
        value = table.get(operand) if table else None
        source = number if value is None else value.integer(0)
        if source != number and source not in numbers:
            assert value is not None
            raise value.wrong(f"layer {number} reads layer {source}, which is not before it: put it there")
        result.append(None if source == number else numbers[source])
    return tuple(result)
