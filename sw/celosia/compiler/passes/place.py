# SPDX-License-Identifier: Apache-2.0
"""Pass 2, place: where each operator runs, and why."""

from dataclasses import replace
from typing import NamedTuple

from celosia import golden
from celosia.model.attributes import Other
from celosia.model.errors import ModelError

from ..errors import CompileError
from ..ir import Module, Node
from ..rules import ARRAY_RULES, AVERAGE_RULES, LANE_RULES, MAXIMUM_RULES, Candidate, broken_rule

__all__ = [
    "PLACES", "CheckRow", "drop_unread", "free_place", "on_host", "place", "refuse_unsupported",
    "rows",
]  # fmt: skip

PLACES = ("array", "lanes", "host", "unsupported")

_RULES = {
    "CONV_2D": ("array", ARRAY_RULES),
    "DEPTHWISE_CONV_2D": ("array", ARRAY_RULES),
    "FULLY_CONNECTED": ("array", ARRAY_RULES),
    "AVERAGE_POOL_2D": ("array", AVERAGE_RULES),
    "MAX_POOL_2D": ("array", MAXIMUM_RULES),
    "MEAN": ("array", AVERAGE_RULES),
    "ADD": ("lanes", LANE_RULES),
}


class CheckRow(NamedTuple):
    """One operator of a network: its number, its name, its kind, where it runs (:data:`PLACES`), and why."""

    index: int  # pyright: ignore[reportIncompatibleMethodOverride] - a row is never searched
    name: str
    op: str
    place: str
    why: str


def place(module: Module) -> Module:
    """Every node with its place; "unsupported" where it runs nowhere (:func:`refuse_unsupported`)."""
    return module.replace(nodes=tuple(_place(module, node) for node in module.nodes))


def refuse_unsupported(module: Module) -> Module:
    """``module``, if every operator runs somewhere. Raises CompileError naming the first that does not."""
    for node in module.nodes:
        if node.place == "unsupported":
            raise CompileError(f"{module.graph.describe(module.op(node.layer))} cannot run: {node.why}")
    return module


def rows(module: Module) -> list[CheckRow]:
    """Where every operator of a placed module runs."""
    by_layer = {node.layer: node for node in module.nodes}
    return [
        CheckRow(
            index,
            op.name,
            op.kind,
            free_place(module, index, by_layer),
            by_layer[index].why if index in by_layer else module.free[index],
        )
        for index, op in enumerate(module.graph.ops)
    ]


def free_place(module: Module, layer: int, nodes: dict[int, Node]) -> str:
    """The place of an operator; one that costs nothing is where the operator beside it is."""
    if layer in nodes:
        return nodes[layer].place
    op = module.op(layer)
    touched = {module.roots[i] for i in (*op.inputs, *op.outputs) if i >= 0}
    near = [n for n in nodes.values() if touched & {*n.inputs, *n.outputs}]
    return near[0].place if near else "host"


def _place(module: Module, node: Node) -> Node:
    graph, op = module.graph, module.op(node.layer)
    if not golden.supported(op.kind) or isinstance(op.attributes, Other):
        why = "no part of Celosia computes this kind of operator: replace it in the network"
        return replace(node, place="unsupported", why=why)
    try:
        golden.check(graph, op)
    except ModelError as error:
        return replace(node, place="unsupported", why=str(error))
    where, rules = _RULES.get(op.kind, ("host", ()))
    if where == "host":
        return on_host(module, node, "neither the array nor the lanes compute this kind of operator")
    broken = broken_rule(rules, Candidate(graph, op, node, module.config))
    if broken is not None:
        return on_host(module, node, f"to run on the {where}, {broken}")
    return replace(node, place=where, why="a matrix product" if where == "array" else "element by element")


def on_host(module: Module, node: Node, why: str) -> Node:
    """`node` as the graph has it: what legalize folded into it is undone."""
    op = module.op(node.layer)
    tensors = module.graph.tensors
    inputs = [module.roots[i] for i in op.inputs if i >= 0 and tensors[module.roots[i]].data is None]
    return replace(node, inputs=tuple(inputs), window=None, place="host", why=why)


def drop_unread(module: Module) -> Module:
    """The module without the operators whose result nothing reads; they go to :attr:`Module.free`."""
    needed = set(module.outputs())
    kept: list[Node] = []
    free = dict(module.free)
    for node in reversed(module.nodes):
        if needed.isdisjoint(module.roots[t] for t in node.outputs):
            why = (
                "costs nothing: part of the operator that reads it"
                if node.kind == "PAD"
                else "nothing reads its result"
            )
            free[node.layer] = why
            continue
        needed.update(node.inputs)
        kept.append(node)
    return module.replace(nodes=tuple(reversed(kept)), free=free)
