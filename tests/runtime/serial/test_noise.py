# SPDX-License-Identifier: Apache-2.0
"""A bad line: every access ends right or in a clear error, and nothing is carried out twice."""

import random

import pytest

from celosia.arch.config import preset
from celosia.arch.link import Operation
from celosia.runtime import TransportError
from celosia.runtime.serial import LinkClient
from runtime.serial.board import COUNTER, Board, Line

CONFIG = preset("c16")


def accesses(client: LinkClient, board: Board, rng: random.Random, count: int) -> tuple[int, int]:
    """Random accesses, checked against a dictionary; how many ended in an error, and how many counted."""
    shadow: dict[int, int] = {}
    counted = failed = 0
    for _ in range(count):
        kind, words = rng.randrange(4), rng.choice((1, 1, 2, 7, 40, 120))
        first = rng.randrange(256)
        try:
            if kind == 0:
                client.write(Operation.WRITE, COUNTER, bytes(4))
                counted += 1
            elif kind == 1:
                assert int.from_bytes(client.read(Operation.READ, COUNTER, 1), "little") == board.control.get(
                    COUNTER, 0
                )
            elif kind == 2:
                data = bytes(rng.choice((0, 0, 255, rng.randrange(256))) for _ in range(4 * words))
                client.write(Operation.EXTERNAL_WRITE, 4 * first, data)
                shadow |= {first + i: int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(words)}
            else:
                data = client.read(Operation.EXTERNAL_READ, 4 * first, words)
                there = [int.from_bytes(data[4 * i : 4 * i + 4], "little") for i in range(words)]
                assert there == [shadow.get(first + i, 0) for i in range(words)]
        except TransportError:
            failed += 1
            counted = board.control.get(COUNTER, 0)  # a write that ended in an error was carried out once, or not
            shadow = {address // 4: word for address, word in board.external.items()}
        assert board.control.get(COUNTER, 0) == counted
    return failed, counted


@pytest.mark.parametrize(("noise", "seed"), [(1e-3, 1), (1e-3, 2), (1e-3, 3), (1e-3, 4), (3e-3, 5)])
def test_nothing_is_lost_or_done_twice(noise, seed):
    board = Board(CONFIG, external=1 << 20)
    line = Line(board, noise=noise, seed=seed)
    client = LinkClient(line, seed=seed)
    failed, counted = accesses(client, board, random.Random(seed), 2500)
    assert counted > 500
    assert failed == 0


def test_a_line_that_loses_nearly_everything_ends_in_errors():
    board = Board(CONFIG, external=1 << 20)
    line = Line(board, seed=5)
    client = LinkClient(line, seed=5)
    line.noise = 0.05
    failed, counted = accesses(client, board, random.Random(5), 60)
    assert 0 < failed < 60
    line.noise = 0.0
    client.write(Operation.WRITE, COUNTER, bytes(4))
    assert board.control[COUNTER] == counted + 1
