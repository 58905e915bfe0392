"""Plays cases on a server and gathers the answers.

Many connections are open at once, and a case may be sent in pieces. The server has one
worker. So after each round of pieces an answer to a connection of our own tells that the
worker has read them all, and no piece is read together with the next one.
"""

import re
import socket
import struct

from harness.report import Failed
from harness.wire import Connection

from draw import SERIAL, TOKEN, TOKEN_BINARY

CAS_AT, HEADER = 16, 24
PATIENCE = 10  # seconds
CAS_TEXT = re.compile(rb"(VALUE [^ \r\n]+ \d+ \d+ |(?:^|(?<=\n))(?:HD|VA \d+|EN|NF|NS|EX)(?: [^ \r\n]+)*? c)"
                      rb"([1-9]\d*)(?=[ \r])")


class Play:
    """One case, cut before some of its bytes; `serial` keeps its keys apart."""

    def __init__(self, case, serial, cuts=()):
        self.case, self.cuts, self.name = case, cuts, b"%07d" % serial
        commands = [command.replace(SERIAL, self.name) for command in case.commands]
        self.pieces = cut(b"".join(commands), cuts) if cuts else gathered(commands)


def cut(sent, cuts):
    marks = [0] + sorted(cuts) + [len(sent)]
    return [sent[a:b] for a, b in zip(marks, marks[1:])]


def gathered(commands):
    """The commands as pieces, each of which holds a token only at its beginning."""
    pieces = [b""]
    for command in commands:
        if holds_token(command):
            pieces.append(b"")
        pieces[-1] += command
    return pieces


def holds_token(piece):
    return TOKEN in piece or TOKEN_BINARY in piece


def binary_packets(answer):
    """Where the packets begin."""
    at = 0
    while answer[at:at + 1] == b"\x81" and len(answer) >= at + HEADER:
        yield at
        at += HEADER + struct.unpack("!I", answer[at + 8:at + 12])[0]


def last_cas(answer):
    """The CAS that the server told last; some number if it told none."""
    if answer[:1] == b"\x81":
        found = [struct.unpack("!Q", answer[at + CAS_AT:at + HEADER])[0] for at in binary_packets(answer)]
        return next((cas for cas in reversed(found) if cas), 3)
    found = CAS_TEXT.findall(answer)
    return int(found[-1][1]) if found else 3


def plain(answer):
    """The answer with each CAS, which the server chooses, made 1, and without the version."""
    if answer[:1] == b"\x81":
        for at in list(binary_packets(answer)):
            cas = answer[at + CAS_AT:at + HEADER]
            if cas != b"\0" * 8:
                answer = answer[:at + CAS_AT] + b"\0" * 7 + b"\1" + answer[at + HEADER:]
    return re.sub(rb"VERSION [\d.]+", b"VERSION", CAS_TEXT.sub(rb"\g<1>1", answer))


class Talk:
    """A play under way on one server."""

    def __init__(self, node, play):
        self.node, self.play, self.answer, self.open = node, play, b"", True
        self.socket = socket.create_connection(node.address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, piece):
        if holds_token(piece):
            cas = last_cas(self.answer)
            piece = piece.replace(TOKEN, b"%d" % cas).replace(TOKEN_BINARY, struct.pack("!Q", cas))
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed: what it answered before is what counts

    def receive(self, patience):
        """All that has come; with some patience, all up to the end."""
        self.socket.settimeout(patience)
        try:
            while self.open:
                data = self.socket.recv(1 << 18)
                self.answer += data
                self.open = bool(data)
        except BlockingIOError:
            pass
        except ConnectionResetError:
            self.open = False
        except socket.timeout as error:
            raise Failed("%s does not close: %r" % (self.node.name, self.play.case.sent)) from error

    def finish(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # closed already
        self.receive(PATIENCE)
        self.socket.close()
        return plain(self.answer.replace(self.play.name, SERIAL))


class Server:
    """A server, and a connection that tells when its worker has come round."""

    def __init__(self, node):
        self.node, self.bell = node, Connection(node.address)

    def come_round(self):
        """Twice, because the bell may be heard in the middle of a round."""
        for _ in range(2):
            self.bell.send(b"mn\r\n")
            self.bell.line()

    def hear_out(self, talk):
        """All answers to what was sent: a worker may leave some for a later round."""
        heard = -1
        while talk.open and heard < len(talk.answer):
            heard = len(talk.answer)
            self.come_round()
            talk.receive(0)

    def answers(self, plays):
        """What the server answers to each, all plays at the same time."""
        talks = [Talk(self.node, play) for play in plays]
        for step in range(max(len(play.pieces) for play in plays)):
            for talk in talks:
                if step < len(talk.play.pieces):
                    piece = talk.play.pieces[step]
                    if holds_token(piece):
                        self.hear_out(talk)
                    talk.send(piece)
            self.come_round()
        return [talk.finish() for talk in talks]
