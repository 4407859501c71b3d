# SPDX-License-Identifier: Apache-2.0
"""What --config understands."""

import pytest

from celosia.arch.config import PRESETS, Config, ConfigError
from celosia.cli.configuration import DEFAULT, parse_config


@pytest.mark.parametrize("name", PRESETS)
def test_preset(name):
    assert parse_config(name) is PRESETS[name]


def test_changes_to_a_preset():
    config = parse_config("c64,weight_bytes=0x80000, accumulators = 256")
    assert config.hash == PRESETS["c64"].replace(weight_bytes=1 << 19, accumulators=256).hash
    assert config.name == "c64,weight_bytes=0x80000, accumulators = 256"


def test_changes_alone_are_to_the_default():
    assert parse_config("rows=12,columns=10").hash == Config(rows=12, columns=10, lanes=10).hash
    assert parse_config("bus_bits=32").hash == PRESETS[DEFAULT].replace(bus_bits=32).hash


def test_lanes_follow_columns_unless_given():
    assert parse_config("columns=12").lanes == 12
    assert parse_config("columns=12,lanes=4").lanes == 4


@pytest.mark.parametrize(
    "config",
    [
        *PRESETS.values(),
        Config(rows=12, columns=10, lanes=5, external=False),
        Config(columns=8, lanes=8),
        Config(columns=8, lanes=4, rows=4),
        PRESETS["c16"].replace(name="mine", elementwise=False),
    ],
    ids=lambda c: c.text,
)
def test_a_configuration_is_parsed_from_its_own_text(config):
    assert parse_config(config.text).hash == config.hash


def test_switches():
    assert parse_config("c16,elementwise=0").hash == PRESETS["c16"].replace(elementwise=False).hash
    assert parse_config("c16,external=1").hash == PRESETS["c16"].hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("c999", "no configuration is called 'c999'; choose one of c256, c64"),
        ("rows=12,c64", "'c64' is neither a preset, which comes first"),
        ("c64,height=3", "'height=3' is neither a preset"),
        ("c64,name=x", "'name=x' is neither a preset"),
        ("rows=many", "rows must be a whole number, not 'many'"),
        ("rows=1", "rows must be 2 to 64, not 1"),
        ("columns=7", "columns must be an even number from 2 to 64, not 7"),
        ("depthwise=2", "depthwise must be 0 or 1, not 2"),
        ("", "is neither a preset"),
        ("c64,", "'' is neither a preset"),
    ],
)
def test_refusals_name_the_field_and_what_to_do(text, message):
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    assert message in str(caught.value)
