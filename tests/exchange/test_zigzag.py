# SPDX-License-Identifier: Apache-2.0
"""ZigZag's workloads and mappings: their syntax, and what in them Celosia has no words for."""

import pytest

from celosia.exchange import ExchangeError, network_of
from celosia.exchange.document import load
from celosia.exchange.zigzag import read
from celosia.exchange.zigzag_mapping import read as read_mapping

CONV = """
- id: {id} # a remark
  operator_type: Conv
  equation: O[b][k][oy][ox]+=W[k][c][fy][fx]*I[b][c][iy][ix]
  dimension_relations: [ix={s}*ox+1*fx, iy={s}*oy+1*fy]
  loop_dims: [B, K, C, OY, OX, FY, FX]
  loop_sizes: [1, {k}, {c}, {out}, {out}, {f}, {f}]
  operand_precision: {{W: 8, I: 8, O: 16, O_final: 8}}
  operand_source: {{I: {source}, W: {id}}}
"""

POOL_AND_ADD = (
    """
- id: 1
  operator_type: Pooling
  equation: O[b][g][oy][ox]+=W[fx][fy]*I[b][g][iy][ix]
  dimension_relations: [ix=2*ox+1*fx, iy=2*oy+1*fy]
  loop_dims: [B, G, OY, OX, FX, FY]
  loop_sizes: [1, 16, 8, 8, 3, 3]
  operand_precision: {I: 8, W: 0, O: 16, O_final: 8}
  operand_source: {I: 0, W: 1}
""",
    """
- id: 9
  operator_type: Add
  equation: O[b][g][oy][ox]=W[b][g][oy][ox]+I[b][g][oy][ox]
  loop_dims: [B, G, OY, OX]
  loop_sizes: [1, 16, 8, 8]
  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}
  operand_source: {W: 1, I: 4}
""",
)


def conv(number: int, source: int, k: int, c: int, out: int, f: int, s: int = 1) -> str:
    return CONV.format(id=number, source=source, k=k, c=c, out=out, f=f, s=s)


def test_a_residual_network_without_padding_in_it(write_file):
    pool, add = POOL_AND_ADD
    path = write_file(
        "w.yaml", conv(0, 0, 16, 3, 16, 7, 2), pool, conv(4, 1, 16, 16, 8, 3), add, conv(11, 9, 10, 16, 4, 3, 2)
    )
    layers = read(path)
    assert [layer.sources for layer in layers] == [(None,), (0,), (1,), (1, 2), (3,)]
    assert [(layer.y.before, layer.y.after) for layer in layers] == [(0, 0), (0, 1), (1, 1), (0, 0), (0, 1)]
    assert [layer.name for layer in layers] == ["layer0", "layer1", "layer4", "layer9", "layer11"]
    network = network_of(layers, "residual")
    assert network.tensors[network.inputs[0]].shape == (1, 37, 37, 3)
    assert [op.kind for op in network.ops if op.kind != "PAD"] == [
        "CONV_2D", "AVERAGE_POOL_2D", "CONV_2D", "ADD", "CONV_2D",
    ]  # fmt: skip
    assert network.total_macs() == sum(layer.macs for layer in layers)


def test_padding_and_groups_as_the_onnx_reader_writes_them(write_file):
    path = write_file(
        "w.yaml",
        "- id: 0",
        "  name: /features/dw",
        "  operator_type: Conv",
        "  equation: O[b][g][k][oy][ox] += W[g][k][c][fy][fx] * I[b][g][c][iy][ix]",
        "  dimension_relations: [iy=2*oy+1*fy, ix=2*ox+1*fx]",
        "  loop_dims: [B, K, G, OX, OY, C, FX, FY]",
        "  loop_sizes: [1, 2, 12, 8, 7, 1, 3, 3]",
        "  pr_loop_dims: [IX, IY]",
        "  pr_loop_sizes: [16, 14]",
        "  padding: [[1, 0], [1, 0]]",
        "  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}",
        "  operand_source: {W: 0, I: 0}",
        "- id: 1",
        "  operator_type: Gemm",
        "  equation: O[b][d][k]+=I[b][d][c]*W[c][k]",
        "  loop_dims: [C, D, K, B]",
        "  loop_sizes: [32, 6, 10, 2]",
        "  operand_precision: {W: 8, I: 8, O: 16, O_final: 8}",
    )
    depthwise, dense = read(path)
    assert (depthwise.name, depthwise.kind, depthwise.channels, depthwise.filters) == (
        "features_dw",
        "depthwise",
        12,
        24,
    )
    assert depthwise.input_shape == (1, 14, 16, 12)
    assert (dense.kind, dense.batch, dense.channels, dense.filters) == ("dense", 12, 32, 10)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (
            "operator_type: Conv",
            "operator_type: Softmax",
            r"line 3, key 'operator_type': Celosia does not compute 'Soft",
        ),
        (
            "loop_sizes: [1, 4",
            "loop_sizes: [1, x",
            r"line 7, key 'loop_sizes': must be a whole number of at least 1, not",
        ),
        ("loop_sizes: [1, 4,", "loop_sizes: [4,", r"key 'loop_sizes': 6 sizes for the loops B, K"),
        ("  loop_sizes", "  sizes", r"w.yaml, line 2: has no 'loop_sizes'"),
        ("W[k][c]", "W[k][z]", r"key 'equation': W has the index 'z'"),
        ("O[b][k][oy][ox]+=", "", r"key 'equation': .* is no equation"),
        ("[B, K, C", "[B, K, Z", r"key 'loop_dims': Celosia's layers have no loop 'Z', but B"),
        ("{I: 0,", "{I: 7,", r"key 'I': layer 0 reads layer 7, which is not before it"),
        ("{I: 0, W: 0}", "3", r"key 'operand_source': must be a mapping"),
        ("- id: 0", "- id: [", r"w.yaml, line \d+: no YAML"),
        ("- id: 0", "- id: {{ID}}", r"w.yaml, line \d+"),
    ],
)
def test_no_layer(write_file, before, after, what):
    text = conv(0, 0, 4, 3, 8, 3)
    assert before in text
    with pytest.raises(ExchangeError, match=what):
        read(write_file("w.yaml", text.replace(before, after, 1)))


def test_layers_that_do_not_fit_their_source(write_file):
    with pytest.raises(ExchangeError, match=r"layer1 reads 1x20x20x4 values, and its source layer0 makes 1x8x8x4"):
        read(write_file("w.yaml", conv(0, 0, 4, 3, 8, 3), conv(1, 0, 4, 4, 18, 3)))


def test_nothing(write_file):
    with pytest.raises(ExchangeError, match="empty"):
        read(write_file("w.yaml", ""))
    with pytest.raises(ExchangeError, match="no layers"):
        read(write_file("w.yaml", "[]"))


# --- mappings ---


def entry(*ordering: str, spatial: str = "{D1: ['K, 16'], D2: ['C, 16']}") -> str:
    lines = ["- name: default", f"  spatial_mapping: {spatial}", "  memory_operand_links: {O: O, W: I2, I: I1}"]
    return "\n".join([*lines, *(["  temporal_ordering:"] if ordering else []), *(f"    - [{x}]" for x in ordering)])


@pytest.mark.parametrize(
    ("ordering", "outer"),
    [
        (["OX, 8", "OY, 4", "C, 4", "K, 2", "OY, 3"], (("rows", 3),)),
        (["OX, 8", "C, 4", "K, 2", "OY, 3", "K, 4"], (("filters", 4), ("rows", 3))),
        (["OX, 8", "OY, 12", "FY, 3", "K, 8"], ()),
        (["OX, 8", "OY, 12", "C, 8"], ()),
        (["OX, 8", "K, 2", "C, 8"], (("channels", 8),)),
        (["'*', '*'", "OY, '*'"], (("rows", 0),)),
    ],
)
def test_the_outer_loops(write_file, ordering, outer):
    wishes = read_mapping(load(write_file("m.yaml", entry(*ordering))))
    assert wishes["default"].outer == outer
    assert wishes["default"].spatial == {"filters": 16, "channels": 16}
    assert not wishes["default"].free


def test_a_mapping_may_leave_loops_to_celosia(write_file):
    assert read_mapping(load(write_file("m.yaml", entry())))["default"].free


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (entry("Z, 3"), "no loop is called 'Z'"),
        (entry("OY"), "a loop is a dimension and a size"),
        (entry("OY, 0"), "at least 1"),
        (entry(spatial="{D1: ['K 16']}"), "'K 16' is no loop with a size"),
        (entry() + "\n" + entry(), "default has a mapping already"),
        (conv(0, 0, 4, 3, 8, 3) + "  name: x", "a layer of a workload, not of a mapping"),
        ("- spatial_mapping: {}", "has no 'name'"),
        ("[]", "no mappings"),
    ],
)
def test_no_mapping(write_file, text, what):
    with pytest.raises(ExchangeError, match=what):
        read_mapping(load(write_file("m.yaml", text)))
