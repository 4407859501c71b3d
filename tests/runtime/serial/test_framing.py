# SPDX-License-Identifier: Apache-2.0
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import preset
from celosia.arch.link import Operation, Status
from celosia.runtime.serial.framing import AnswerReader, request_frame
from runtime.serial.board import Board


@settings(max_examples=200)
@given(st.lists(st.one_of(st.just(bytes(4)), st.just(b"\xff" * 4), st.binary(min_size=4, max_size=4)), max_size=252))
def test_requests_and_answers_pass_through_the_model_board(words):
    payload = b"".join(words)
    board, reader = Board(preset("c16")), AnswerReader()
    board.feed(request_frame(5, 0, Operation.OPEN, 0, 0))
    line = board.feed(request_frame(5, 0, Operation.WRITE, 0x100, len(words), payload))
    line += board.feed(request_frame(5, 77, Operation.READ, 0x100, len(words)))
    wrote, read = reader.feed(line)
    assert (wrote.session, wrote.sequence, wrote.data, wrote.next, wrote.status) == (5, 0, b"", 1, Status.OK)
    assert (read.session, read.sequence, read.data, read.next, read.status) == (5, 77, payload, 1, Status.OK)
    assert not reader.skipped


@settings(max_examples=100)
@given(st.lists(st.one_of(st.binary(max_size=30), st.integers(0, 3)), max_size=12), st.lists(st.integers(1, 9)))
def test_answers_are_found_among_anything_and_in_any_pieces(parts, cuts):
    board, reader = Board(preset("c16")), AnswerReader()
    line, tags = b"", []
    for part in parts:
        if isinstance(part, int):
            tags.append(part)
            line += b"\0" + board.feed(request_frame(1, part, Operation.READ, 0, part))
        else:
            line += part
    found = []
    while line:
        cut = cuts.pop() if cuts else len(line)
        found += [answer.sequence for answer in reader.feed(line[:cut])]
        line = line[cut:]
    assert found == tags


def test_the_documents_example():
    """docs/link.md shows these bytes."""
    write = request_frame(0x2A, 7, Operation.WRITE, 0x24, 1, bytes([1, 0, 0, 0]))
    assert write.hex(" ") == "06 2a 07 01 01 24 01 01 02 01 01 01 05 c1 94 d1 9d 00"
    board, reader = Board(preset("c16")), AnswerReader()
    board.session, board.next = 0x2A, 7
    answer = board.feed(write)
    assert answer.hex(" ") == "2a 07 08 04 cb 0c 5d 23 05 00"
    assert [(a.sequence, a.next, a.status) for a in reader.feed(answer)] == [(7, 8, Status.OK)]


def test_a_flood_without_a_delimiter_is_let_go():
    reader = AnswerReader()
    for _ in range(100):
        assert reader.feed(b"\x55" * 100) == []
    assert reader.skipped > 7000
    assert len(reader._rest) <= 2048


def test_an_unknown_status_is_none():
    board = Board(preset("c16"))
    board._do = lambda *request: (7, [])
    (answer,) = AnswerReader().feed(board.feed(request_frame(1, 2, Operation.READ, 0, 0)))
    assert answer.status is None
