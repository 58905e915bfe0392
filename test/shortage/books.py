"""What a client knows of each key from the answers that it got: the values that a read
may return."""

from harness.wire import Closed, Timeout

MISSING = None
IMPATIENT = 0.05  # s, for a node that has often failed to answer


class Books:
    def __init__(self):
        self.may = {}    # key -> the values that it may have
        self.late = {}   # key -> values of requests without an answer: they may still be served
        self.is_filled = True  # a node that is not filled may be missing keys
        self.wrong = []  # answers that no history explains
        self.misses = 0  # keys that existed, and are gone without a request of the client

    def all_served(self):
        """The nodes have closed all connections of clients."""
        self.late = {}

    def values(self, key):
        return self.may.setdefault(key, {MISSING})

    def is_now(self, key, value):
        """The node has acknowledged the change."""
        self.may[key] = {value} | self.late.get(key, set())

    def is_refused(self, key):
        """An error: the change was not made, or the old value was lost with it, as in
        memcached."""
        self.may[key] = self.values(key) | {MISSING}

    def is_in_doubt(self, key, value):
        """No answer: the change may have been made or not."""
        self.late.setdefault(key, set()).add(value)
        self.may[key] = self.values(key) | {MISSING, value}

    def is_read(self, key, value):
        """A read returned this value: from now on it is the only one."""
        if value not in self.values(key):
            if value is MISSING:
                self.misses += 1
            else:
                self.wrong.append("%s is %.40r, not one of %s" % (
                    key, value, ", ".join("%.40r" % one for one in self.values(key))))
        if self.is_filled or value is not MISSING:
            self.is_now(key, value)

    def conflicts(self, keys):
        """Keys that were changed on both sides of a cut: at most a miss, never an older
        value."""
        for key in keys:
            self.may[key] = self.values(key) | {MISSING}


class Client:
    """A client that keeps the books; it reconnects whenever its connection fails. connect: makes a
    connection with some patience."""

    def __init__(self, connect, books, patience):
        self.connect, self.books, self.patience = connect, books, patience
        self.connection, self.unanswered = None, 0

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, command):
        """The lines of the answer; None if there was none."""
        try:
            if not self.connection:
                self.connection = self.connect(self.patience)
            return self.connection.ask(command)
        except (Closed, ConnectionError, OSError, Timeout) as error:
            if isinstance(error, Timeout):
                self.unanswered += 1
                self.patience = max(self.patience / 2, IMPATIENT)
            self.close()
            return None

    def change(self, key, command, value, good):
        """value: the value after a good answer."""
        answer = self.ask(command)
        if answer is None:
            self.books.is_in_doubt(key, value)
        elif answer[0] == good:
            self.books.is_now(key, value)
        elif answer[0] in (b"NOT_FOUND", b"NOT_STORED"):
            self.books.is_read(key, MISSING)
        else:
            self.books.is_refused(key)
        return answer

    def set(self, key, value):
        self.change(key, b"set %s 0 0 %d\r\n%s" % (key, len(value), value), value, b"STORED")

    def delete(self, key):
        self.change(key, b"delete " + key, MISSING, b"DELETED")

    def of_known(self, key):
        """The value of a key if the books know it and it exists."""
        values = self.books.values(key) - {MISSING}
        return next(iter(values)) if len(values) == 1 else MISSING

    def append(self, key, more):
        old = self.of_known(key)
        if old is not MISSING:
            self.change(key, b"append %s 0 0 %d\r\n%s" % (key, len(more), more), old + more,
                        b"STORED")

    def incr(self, key):
        old = self.of_known(key)
        if old is not MISSING:
            new = b"%d" % (int(old) + 1)
            self.change(key, b"incr %s 1" % key, new, new)

    def touch(self, key):
        old = self.of_known(key)
        if old is not MISSING:
            self.change(key, b"touch %s 0" % key, old, b"TOUCHED")

    def get(self, key):
        answer = self.ask(b"get " + key)
        if answer is not None and answer[-1] == b"END":
            self.books.is_read(key, answer[1] if len(answer) > 1 else MISSING)
