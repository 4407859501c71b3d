# SPDX-License-Identifier: Apache-2.0
"""Reads and writes over the serial link, several under way at once, each write carried out once."""

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from celosia.arch.link import (
    BAUD,
    LINK_IDENTITY,
    LINK_VERSION,
    MAX_READ_WORDS,
    SEQUENCES,
    SESSIONS,
    Info,
    Operation,
    Status,
    write_words,
)

from ..errors import DeviceError, TransportError
from .framing import Answer, AnswerReader, request_frame
from .pacing import Pacing
from .port import Port

__all__ = ["PATIENCE", "LinkClient", "LinkInfo"]

PATIENCE = 5.0
"""Seconds without any progress after which a board counts as gone."""

_TAKEN = "the board was reset, or another program uses it; start again"


@dataclass(frozen=True)
class LinkInfo:
    """What a board says about itself.

    Parameters
    ----------
    clock_hz:
        Cycles of the core's clock a second.
    external_bytes:
        External memory the host can reach.
    buffer_bytes:
        Bytes of received frames the board holds.
    hash:
        Of the core's configuration.
    """

    clock_hz: int
    external_bytes: int
    buffer_bytes: int
    hash: int


@dataclass(frozen=True)
class _Frame:
    """A request under way: which words of the access it is about, and how it looks on the line."""

    first: int
    words: int
    line: bytes


class LinkClient:
    """One session with a board.

    Nothing else may be under way during an access; several requests of one access are. Reads and writes are never
    mixed: a read that is repeated, because its answer was lost, must not see what a later write did.

    After an exception (KeyboardInterrupt among them) the next access opens a new session, so that what is still under
    way can neither be carried out nor be taken for an answer.

    Parameters
    ----------
    port:
        The line. The client does not close it.
    name:
        What to call it in messages.
    baud:
        Its speed: how much can be under way.
    patience:
        Seconds without any progress after which the board counts as gone.
    seed:
        Of the session numbers; None is different every time.

    Raises
    ------
    TransportError
        From every method: nothing answers, or a bus answered with an error.
    DeviceError
        When made: what answers is no Celosia board, or speaks another version.
    """

    def __init__(
        self,
        port: Port,
        name: str = "serial port",
        baud: int = BAUD,
        *,
        patience: float = PATIENCE,
        seed: int | None = None,
    ):
        self._port, self._name, self._baud = port, name, baud
        self._random = random.Random(seed)
        self._reader = AnswerReader()
        self._pacing = Pacing(port, baud, patience)
        self._session = self._random.randrange(1, SESSIONS)
        self._sequence = 0  # of the next write
        self._tag = self._random.randrange(SEQUENCES)  # of the next read
        self._settled = False  # nothing is under way, and the session is open
        self._settled_once = False
        self._answers = 0
        self.interrupt = False
        """The core's interrupt pin, as the latest answer had it."""
        port.discard()
        self.info = self._identify()
        self._open()

    # --- accesses ---

    def read(self, operation: Operation, address: int, words: int) -> bytes:
        """``words`` words from byte ``address``: Operation.READ, EXTERNAL_READ or INFO."""
        self._settle()
        self._settled = False
        data = self._read(operation, address, words)
        self._settled = True
        return data

    def write(self, operation: Operation, address: int, data: bytes) -> None:
        """Write whole words from byte ``address``: Operation.WRITE or EXTERNAL_WRITE.

        One word is carried out exactly once. Of more, parts may be carried out again, with the same data, before
        this returns; so they belong into memories.
        """
        self._settle()
        self._settled = False
        words, done = len(data) // 4, 0
        while done < words:
            done = self._write(operation, address, data, done)
        self._settled = True

    # --- sessions ---

    def _identify(self) -> LinkInfo:
        words = self._read(Operation.INFO, 0, len(Info))
        value = {info: int.from_bytes(words[info : info + 4], "little") for info in Info}
        identity, version = divmod(value[Info.VERSION], 1 << 16)
        if identity != LINK_IDENTITY:
            raise DeviceError(f"{self._name}: what answers is no Celosia board; program one first")
        if version != LINK_VERSION:
            raise DeviceError(
                f"{self._name}: the board speaks version {version} of the link, this software version {LINK_VERSION}: "
                f"program the board again, or install the software it was made with"
            )
        return LinkInfo(
            clock_hz=value[Info.CLOCK_HZ],
            external_bytes=value[Info.EXTERNAL_BYTES],
            buffer_bytes=value[Info.BUFFER_BYTES],
            hash=value[Info.HASH_LOW] | value[Info.HASH_HIGH] << 32,
        )

    def _settle(self) -> None:
        if not self._settled:
            self._port.discard()
            self._open()

    def _open(self) -> None:
        """Open a session that the board has not seen before, as far as anybody can tell."""
        while True:
            self._session = self._random.choice([n for n in range(1, SESSIONS) if n != self._session])
            tag = self._random.randrange(SEQUENCES)
            line = b"\0" + request_frame(self._session, tag, Operation.OPEN, 0, 0)
            self._port.write(line)
            self._pacing.begin()
            opened = None
            while opened is None:
                for answer in self._receive():
                    if (answer.sequence, len(answer.data), answer.status) == (tag, 0, Status.OK):
                        opened = answer
                if opened is None and self._overdue():
                    self._port.write(line)
            self._pacing.answered()
            if opened.next == 0:  # else somebody else's session has this number
                break
        self._sequence, self._settled, self._settled_once = 0, True, True

    # --- the line ---

    def _receive(self) -> Iterable[Answer]:
        """Answers of this session that have come."""
        answers = [answer for answer in self._reader.feed(self._port.read()) if answer.session == self._session]
        self._answers += len(answers)
        if answers:
            self.interrupt = answers[-1].interrupt
        return answers

    def _overdue(self) -> bool:
        """Whether it is time to say something again; raises TransportError when it is time to give up."""
        if self._pacing.gone():
            raise TransportError(self._silence())
        return self._pacing.late()

    def _silence(self) -> str:
        patience = f"{self._pacing.patience:g} seconds"
        if self._answers:
            return f"{self._name}: the board has not answered for {patience}; check the cable, or reset the board"
        if self._reader.skipped:
            return (
                f"{self._name}: what comes at {self._baud} baud is not Celosia's link; give the speed the board was "
                f"built with, as in {self._name}@115200, or program the board"
            )
        return (
            f"{self._name}: nothing answered for {patience} at {self._baud} baud; "
            f"program the board with a Celosia bitstream, or check the port"
        )

    def _check(self, answer: Answer, what: str, address: int) -> None:
        """Raise what an answer that says no means."""
        if answer.status is Status.BUS_ERROR:
            raise TransportError(f"{self._name}: a bus on the board answered the {what} at {address:#x} with an error")
        if answer.status is Status.NO_SESSION:
            raise TransportError(f"{self._name}: {_TAKEN}")
        if answer.status not in (Status.OK, Status.OUT_OF_ORDER):
            raise TransportError(f"{self._name}: the board does not know the {what} at {address:#x}; program it again")

    # --- reading ---

    def _read(self, operation: Operation, address: int, words: int) -> bytes:
        data = bytearray(4 * words)
        wanted = deque([(0, words)] if words else [])  # (first word, how many): not asked for, or lost
        asked: dict[int, _Frame] = {}  # by tag, the oldest first
        self._pacing.begin()
        while wanted or asked:
            line = b""
            while wanted and len(asked) < self._window(operation):
                tag, frame = self._ask(operation, address, wanted)
                asked[tag] = frame
                line += frame.line
            if line:
                self._port.write(b"\0" + line)
            for answer in self._receive():
                self._take(answer, asked, wanted, data, address)
            if asked and self._overdue():
                self._lose(list(asked), asked, wanted)
        return bytes(data)

    def _window(self, operation: Operation) -> int:
        """Requests that may be under way: those of reads must fit into the board's buffer."""
        if operation is Operation.INFO:
            return 1
        return min(self._pacing.window, self.info.buffer_bytes // 32)

    def _ask(self, operation: Operation, address: int, wanted: deque[tuple[int, int]]) -> tuple[int, _Frame]:
        """The request for the next words that are wanted."""
        first, count = wanted.popleft()
        words = min(count, self._pacing.words, MAX_READ_WORDS)
        if words < count:
            wanted.appendleft((first + words, count - words))
        tag = self._tag
        self._tag = (tag + 1) % SEQUENCES
        line = request_frame(self._session, tag, operation, address + 4 * first, words)
        return tag, _Frame(first, words, line)

    def _take(
        self,
        answer: Answer,
        asked: dict[int, _Frame],
        wanted: deque[tuple[int, int]],
        data: bytearray,
        address: int,
    ) -> None:
        """Put an answer's words in place. Answers come in order: older ones that have not come are lost."""
        frame = asked.get(answer.sequence)
        if frame is None:
            return
        self._check(answer, "read", address + 4 * frame.first)
        if self._settled_once and answer.next != self._sequence:
            raise TransportError(f"{self._name}: {_TAKEN}")
        if len(answer.data) != 4 * frame.words:
            return
        tags = list(asked)
        del asked[answer.sequence]
        data[4 * frame.first : 4 * (frame.first + frame.words)] = answer.data
        self._pacing.answered()
        self._lose(tags[: tags.index(answer.sequence)], asked, wanted)

    def _lose(self, tags: list[int], asked: dict[int, _Frame], wanted: deque[tuple[int, int]]) -> None:
        """Ask again for what has not come."""
        if tags:
            self._pacing.lost(asked[tags[0]].words)
        for tag in reversed(tags):
            frame = asked.pop(tag)
            wanted.appendleft((frame.first, frame.words))

    # --- writing ---

    def _write(self, operation: Operation, address: int, data: bytes, done: int) -> int:
        """Write from word ``done`` on; the number of words written for certain.

        Frames are sent again as they are. Only when the line loses them often, a new session is opened, and what is
        left goes out in smaller ones.
        """
        words = len(data) // 4
        begun, sent = done, deque[_Frame]()  # sent, and not known to be carried out; the oldest first
        queue, again = deque[_Frame](), False  # behind them, to be sent again; whether that is for the latest gap
        size = self._pacing.words
        self._pacing.begin()
        while done < words:
            line = b""
            while len(sent) < self._pacing.window and (queue or begun < words):
                if not queue:
                    queue.append(self._frame(operation, address, data, begun, done, len(sent)))
                    begun += queue[-1].words
                sent.append(queue.popleft())
                line += sent[-1].line
            if line:
                self._port.write(b"\0" + line)
            gap = False
            for answer in self._receive():
                if answer.data:
                    continue
                self._check(answer, "write", address + 4 * done)
                for _ in range(self._carried_out(answer, len(sent) + len(queue))):
                    done += (sent or queue).popleft().words
                    self._sequence = (self._sequence + 1) % SEQUENCES
                    self._pacing.answered()
                    again = False
                gap |= answer.status is Status.OUT_OF_ORDER and answer.next == self._sequence
            if sent and (self._overdue() or (gap and not again)):
                self._pacing.lost(sent[0].words)
                if self._pacing.words < min(size, sent[0].words):
                    self._open()
                    return done
                queue.extendleft(reversed(sent))
                sent.clear()
                again = True
        return done

    def _frame(self, operation: Operation, address: int, data: bytes, first: int, done: int, ahead: int) -> _Frame:
        """The request that writes from word ``first`` on, with ``ahead`` requests under way."""
        count = min(len(data) // 4 - first, self._pacing.words, write_words(self.info.buffer_bytes))
        sequence = (self._sequence + ahead) % SEQUENCES
        payload = data[4 * first : 4 * (first + count)]
        line = request_frame(self._session, sequence, operation, address + 4 * first, count, payload)
        return _Frame(first, count, line)

    def _carried_out(self, answer: Answer, under_way: int) -> int:
        """How many of the oldest requests under way an answer says were carried out."""
        ahead = (answer.next - self._sequence) % SEQUENCES
        return ahead if ahead <= under_way else 0
