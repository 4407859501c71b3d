# SPDX-License-Identifier: Apache-2.0
"""Layers cut by output channels into parts whose weights fit the memories, each with where its constants are."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from celosia.arch.config import Config

from ..forms import group_records, group_tiles
from ..ir import ArrayLayer, ConvLayer, DepthwiseLayer, DownGroup, Group

__all__ = [
    "Constants", "Part", "constants", "part_channels", "part_edges", "part_limits", "part_of", "parts_of", "units",
]  # fmt: skip


@dataclass(frozen=True)
class Constants:
    """Where a layer's constants are in the images: of each group the first weight word, and the first record."""

    words: tuple[int, ...]
    records: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """Some output channels of a layer.

    Parameters
    ----------
    key:
        Tells its weights from all others'.
    layer:
        The layer with these channels only, as one group.
    source, words:
        Its weights in the image of all weights.
    record, records:
        Its channels' records in the image of all parameters.
    width:
        The machine reads records in such multiples.
    channel:
        The first of its channels.
    """

    key: tuple[int, int, int]
    layer: ArrayLayer
    source: int
    words: int
    record: int
    records: int
    width: int
    channel: int

    @property
    def room(self) -> int:
        """Records that must be there when it runs."""
        return -(-self.records // self.width) * self.width


def constants(config: Config, layers: dict[int, ArrayLayer]) -> dict[int, Constants]:
    """Where the images (:mod:`celosia.compiler.images`) have each layer's constants."""
    result: dict[int, Constants] = {}
    word = record = 0
    for number, layer in layers.items():
        words, records = [], []
        for group in layer.groups:
            words.append(word)
            records.append(record)
            word += group_tiles(config, group) * config.tile_words
            record += group_records(group)
        result[number] = Constants(tuple(words), tuple(records))
    return result


def units(config: Config, group: Group | DownGroup) -> tuple[int, int, int]:
    """What a group may be cut into: how many, weight words of each, channels of each."""
    width = config.down_channels if isinstance(group, DownGroup) else config.columns
    count = -(-group_records(group) // width)
    return count, group_tiles(config, group) // count * config.tile_words, width


def part_limits(config: Config) -> tuple[int, int]:
    """Weight words and records of the largest part: three of them fit, so that loads run ahead."""
    return config.weight_words // 3, config.parameter_records // 3


def _cuts(config: Config, group: Group | DownGroup) -> list[int]:
    """The units at which a group is cut into the fewest parts, about evenly large, that keep the limits if they can."""
    count, words, width = units(config, group)
    most_words, most_records = part_limits(config)
    at_once = max(1, min(most_words // words, most_records // width, count))
    pieces = -(-count // at_once)
    return [count * piece // pieces for piece in range(pieces + 1)]


def part_edges(config: Config, layer: ArrayLayer) -> set[int]:
    """Output channels, of all, at which a part of a layer begins or ends."""
    edges: set[int] = set()
    for group in layer.groups:
        _, _, width = units(config, group)
        edges |= {group.first + min(cut * width, group_records(group)) for cut in _cuts(config, group)}
    return edges


def part_channels(config: Config, layer: ArrayLayer) -> int:
    """The most output channels that a part of a layer has."""
    return max((b - a) * units(config, group)[2] for group in layer.groups for a, b in pairwise(_cuts(config, group)))


def parts_of(config: Config, layer: ArrayLayer, where: Constants) -> Iterator[Part]:
    """A layer in parts of at most :func:`part_limits`, where a column tile is not larger."""
    for index, group in enumerate(layer.groups):
        for first, last in pairwise(_cuts(config, group)):
            yield part_of(config, layer, where, index, first, last)


def part_of(config: Config, layer: ArrayLayer, where: Constants, index: int, first: int, last: int) -> Part:
    """Units ``first`` to ``last − 1`` of a group as a part."""
    group = layer.groups[index]
    _, words, width = units(config, group)
    records = min(group_records(group), last * width) - first * width
    return Part(
        key=(layer.layer, index, first),
        layer=_with_group(config, layer, group, first * width, records, first, last),
        source=where.words[index] + first * words,
        words=(last - first) * words,
        record=where.records[index] + first * width,
        records=records,
        width=width,
        channel=group.first + first * width,
    )


def _with_group(
    config: Config, layer: ArrayLayer, group: Group | DownGroup, skip: int, count: int, first: int, last: int
) -> ArrayLayer:
    if isinstance(group, DownGroup):
        assert isinstance(layer, DepthwiseLayer)
        each = len(group.tiles) // -(-group.channels // config.down_channels)
        tiles = group.tiles[first * each : last * each]
        return replace(layer, groups=(DownGroup(first=group.first + skip, channels=count, tiles=tiles),))
    assert isinstance(layer, ConvLayer)
    weights = group.weights[skip : skip + count]
    return replace(layer, groups=(replace(group, first=group.first + skip, weights=weights),))
