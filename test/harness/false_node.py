"""A control socket that does not belong to a node."""

import itertools
import os
import socket
import threading


class FalseNode:
    """Answers each line with the same bytes. answers: closes a connection after this many
    answers; None: never. ended: how many connections it has closed."""

    def __init__(self, lab, name, answer, answers=None):
        self.name, self.socket = name, os.path.join(lab.folder, name + ".sock")
        self.answer, self.answers, self.ended = answer, answers, 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as lines:
                for _ in itertools.islice(lines, self.answers):
                    connection.sendall(self.answer)
            self.ended += 1

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
