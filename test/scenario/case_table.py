"""Every command that changes something, over text, meta and binary. The standby must have
the same value, flags, remaining life and CAS. Prints the table."""

import time

from harness.report import Failed
from harness.wire import request

LIFE = 4  # seconds that the keys of the table live after the change
LONG = 1000

# ---- how a row prepares its key, and how it changes it


def text(line, value=None):
    """A text command; %s stands for the key, {cas} for the key's token."""
    def act(client, key, token):
        data = (line % key).replace("{cas}", str(token)).encode() + b"\r\n"
        client.send(data + (value + b"\r\n" if value is not None else b""))
        if " noreply" not in line:
            first = client.line()
            while first.startswith(b"VALUE"):
                client.take(int(first.split()[3]) + 2)
                first = client.line()
            return first.decode()
        return ""
    return act


def quietly(line, value):
    """A quiet meta command followed by mn."""
    def act(client, key, _):
        client.send((line % key).encode() + b"\r\n" + value + b"\r\nmn\r\n")
        return client.line().decode()
    return act


def binary(name, value=b"", **fields):
    """A binary command followed by a noop, which shows when a quiet one is done."""
    def act(client, key, token):
        if fields.get("cas"):
            fields["cas"] = token
        client.send(request(name, key.encode(), value, **fields) + request("noop", opaque=99))
        status = ""
        while True:
            response = client.response()
            if response.command == "noop":
                return status
            status = response.status
    return act


# name, protocol, value before (None: no item), its flags and life, the change, the answer,
# value and flags after it, life after it (None: for ever; 0: gone)
ROWS = [
    ("set", "text", b"old", 1, LONG, text("set %%s 5 %d 3" % LIFE, b"new"), "STORED", b"new", 5, LIFE),
    ("set noreply", "text", b"old", 1, LONG, text("set %%s 5 %d 3 noreply" % LIFE, b"new"), "",
     b"new", 5, LIFE),
    ("set, flags of 32 bits", "text", None, 0, 0, text("set %%s 4294967295 %d 1" % LIFE, b"x"),
     "STORED", b"x", 4294967295, LIFE),
    ("set, for ever", "text", b"old", 1, LONG, text("set %s 5 0 3", b"new"), "STORED", b"new", 5, None),
    ("set, empty", "text", b"old", 1, LONG, text("set %%s 5 %d 0" % LIFE, b""), "STORED", b"", 5, LIFE),
    ("set, large", "text", None, 0, 0, text("set %%s 5 %d 300000" % LIFE, b"L" * 300000), "STORED",
     b"L" * 300000, 5, LIFE),
    ("set, past", "text", b"old", 1, LONG, text("set %s 5 -1 3", b"new"), "STORED", None, 0, 0),
    ("set, date", "text", None, 0, 0, "date", "STORED", b"new", 5, LIFE),
    ("add", "text", None, 0, 0, text("add %%s 6 %d 3" % LIFE, b"new"), "STORED", b"new", 6, LIFE),
    ("replace", "text", b"old", 1, LONG, text("replace %%s 7 %d 3" % LIFE, b"new"), "STORED", b"new",
     7, LIFE),
    ("append", "text", b"old", 1, LIFE, text("append %s 9 0 3", b"new"), "STORED", b"oldnew", 1, LIFE),
    ("prepend", "text", b"old", 1, LIFE, text("prepend %s 9 0 3", b"new"), "STORED", b"newold", 1, LIFE),
    ("cas", "text", b"old", 1, LONG, text("cas %%s 8 %d 3 {cas}" % LIFE, b"new"), "STORED", b"new", 8,
     LIFE),
    ("incr", "text", b"9", 1, LIFE, text("incr %s 5"), "14", b"14", 1, LIFE),
    ("decr", "text", b"19", 1, LIFE, text("decr %s 12"), "7", b"7", 1, LIFE),
    ("incr noreply", "text", b"9", 1, LIFE, text("incr %s 5 noreply"), "", b"14", 1, LIFE),
    ("touch", "text", b"old", 1, LONG, text("touch %%s %d" % LIFE), "TOUCHED", b"old", 1, LIFE),
    ("touch, longer", "text", b"old", 1, LIFE, text("touch %s 1000"), "TOUCHED", b"old", 1, None),
    ("touch, for ever", "text", b"old", 1, LIFE, text("touch %s 0"), "TOUCHED", b"old", 1, None),
    ("touch noreply", "text", b"old", 1, LONG, text("touch %%s %d noreply" % LIFE), "", b"old", 1,
     LIFE),
    ("gat", "text", b"old", 1, LONG, text("gat %d %%s" % LIFE), "END", b"old", 1, LIFE),
    ("gats", "text", b"old", 1, LONG, text("gats %d %%s" % LIFE), "END", b"old", 1, LIFE),
    ("delete", "text", b"old", 1, LONG, text("delete %s"), "DELETED", None, 0, 0),
    ("delete noreply", "text", b"old", 1, LONG, text("delete %s noreply"), "", None, 0, 0),
    ("ms", "meta", b"old", 1, LONG, text("ms %%s 3 F5 T%d" % LIFE, b"new"), "HD", b"new", 5, LIFE),
    ("ms, quiet", "meta", b"old", 1, LONG, quietly("ms %%s 3 F5 T%d q" % LIFE, b"new"), "MN", b"new",
     5, LIFE),
    ("ms with CAS", "meta", b"old", 1, LONG, text("ms %%s 3 F5 T%d C{cas}" % LIFE, b"new"), "HD",
     b"new", 5, LIFE),
    ("ms, append", "meta", b"old", 1, LIFE, text("ms %s 3 MA", b"new"), "HD", b"oldnew", 1, LIFE),
    ("ms, prepend", "meta", b"old", 1, LIFE, text("ms %s 3 MP", b"new"), "HD", b"newold", 1, LIFE),
    ("ms, add", "meta", None, 0, 0, text("ms %%s 3 ME F6 T%d" % LIFE, b"new"), "HD", b"new", 6, LIFE),
    ("ms, replace", "meta", b"old", 1, LONG, text("ms %%s 3 MR F7 T%d" % LIFE, b"new"), "HD", b"new", 7,
     LIFE),
    ("mg that touches", "meta", b"old", 1, LONG, text("mg %%s T%d" % LIFE), "HD", b"old", 1, LIFE),
    ("ma", "meta", b"9", 1, LIFE, text("ma %s D5"), "HD", b"14", 1, LIFE),
    ("ma, down", "meta", b"19", 1, LIFE, text("ma %s MD D12"), "HD", b"7", 1, LIFE),
    ("ma creates", "meta", None, 0, 0, text("ma %%s N%d J77" % LIFE), "HD", b"77", 0, LIFE),
    ("md", "meta", b"old", 1, LONG, text("md %s"), "HD", None, 0, 0),
    ("set", "binary", b"old", 1, LONG, binary("set", b"new", flags=5, exp=LIFE), "OK", b"new", 5, LIFE),
    ("setq", "binary", b"old", 1, LONG, binary("setq", b"new", flags=5, exp=LIFE), "", b"new", 5, LIFE),
    ("set with CAS", "binary", b"old", 1, LONG, binary("set", b"new", flags=5, exp=LIFE, cas=1), "OK",
     b"new", 5, LIFE),
    ("add", "binary", None, 0, 0, binary("add", b"new", flags=6, exp=LIFE), "OK", b"new", 6, LIFE),
    ("addq", "binary", None, 0, 0, binary("addq", b"new", flags=6, exp=LIFE), "", b"new", 6, LIFE),
    ("replace", "binary", b"old", 1, LONG, binary("replace", b"new", flags=7, exp=LIFE), "OK", b"new", 7,
     LIFE),
    ("replaceq", "binary", b"old", 1, LONG, binary("replaceq", b"new", flags=7, exp=LIFE), "", b"new", 7,
     LIFE),
    ("append", "binary", b"old", 1, LIFE, binary("append", b"new"), "OK", b"oldnew", 1, LIFE),
    ("appendq", "binary", b"old", 1, LIFE, binary("appendq", b"new"), "", b"oldnew", 1, LIFE),
    ("prepend", "binary", b"old", 1, LIFE, binary("prepend", b"new"), "OK", b"newold", 1, LIFE),
    ("prependq", "binary", b"old", 1, LIFE, binary("prependq", b"new"), "", b"newold", 1, LIFE),
    ("incr", "binary", b"9", 1, LIFE, binary("incr", delta=5), "OK", b"14", 1, LIFE),
    ("incrq", "binary", b"9", 1, LIFE, binary("incrq", delta=5), "", b"14", 1, LIFE),
    ("incr creates", "binary", None, 0, 0, binary("incr", initial=77, exp=LIFE), "OK", b"77", 0, LIFE),
    ("decr", "binary", b"19", 1, LIFE, binary("decr", delta=12), "OK", b"7", 1, LIFE),
    ("decrq", "binary", b"19", 1, LIFE, binary("decrq", delta=12), "", b"7", 1, LIFE),
    ("decrq creates", "binary", None, 0, 0, binary("decrq", initial=77, exp=LIFE), "", b"77", 0, LIFE),
    ("touch", "binary", b"old", 1, LONG, binary("touch", exp=LIFE), "OK", b"old", 1, LIFE),
    ("gat", "binary", b"old", 1, LONG, binary("gat", exp=LIFE), "OK", b"old", 1, LIFE),
    ("gatq", "binary", b"old", 1, LONG, binary("gatq", exp=LIFE), "OK", b"old", 1, LIFE),
    ("gatk", "binary", b"old", 1, LONG, binary("gatk", exp=LIFE), "OK", b"old", 1, LIFE),
    ("delete", "binary", b"old", 1, LONG, binary("delete"), "OK", None, 0, 0),
    ("deleteq", "binary", b"old", 1, LONG, binary("deleteq"), "", None, 0, 0),
]
COLUMNS = ("answer", "active", "value", "flags", "cas", "life")


class Row:
    def __init__(self, index, row):
        (self.name, self.protocol, self.before, self.before_flags, self.before_life, self.act,
         self.answer, self.value, self.flags, self.life) = row
        self.key = "row%d" % index
        self.cells = {column: "" for column in COLUMNS}
        self.done_at = self.spread = None
        self.gone = {}
        if self.act == "date":
            self.act = text("set %%s 5 %d 3" % (int(time.time()) + LIFE), b"new")

    def prepare(self, client):
        if self.before is not None:
            client.store(self.key, self.before, self.before_flags, self.before_life)

    def change(self, clients, control):
        item = control.item(self.key)
        token = item[1] if item else 0
        answer = self.act(clients[self.protocol], self.key, token)
        self.cells["answer"] = "ok" if answer == self.answer else answer
        self.done_at = time.monotonic()

    def compare(self, a, b, lab):
        wanted = None if self.value is None else (self.flags, self.value)
        mine = a.client().item(self.key)
        got = mine and (mine[0], mine[2].rstrip())  # a shorter number may be padded
        self.cells["active"] = "ok" if got == wanted else "%.40r" % (got,)
        theirs = None
        try:
            lab.until(lambda: b.client().item(self.key) == a.client().item(self.key), "equal", 3)
            theirs = mine
        except Failed:
            theirs = b.client().item(self.key)
        for place, column in enumerate(("flags", "cas", "value")):
            one, two = mine and mine[place], theirs and theirs[place]
            self.cells[column] = "ok" if one == two else "%.30r, not %.30r" % (two, one)

    def judge_life(self, nodes, slack):
        gone = [self.gone.get(node.name) for node in nodes]
        if self.life == 0:
            self.cells["life"] = "ok" if gone == [0, 0] else "still there"
        elif self.life is None:
            self.cells["life"] = "ok" if gone == [None, None] else "%s" % gone
        elif None in gone:
            self.cells["life"] = "not ended on %s" % (
                " and ".join(node.name for node in nodes if self.gone.get(node.name) is None))
        else:
            self.spread = gone[1] - gone[0]
            near = abs(gone[0] - self.life) <= slack and abs(self.spread) <= slack
            self.cells["life"] = "ok" if near else "%.1f s, standby %.1f s" % tuple(gone)

    def is_ok(self):
        return all(cell == "ok" for cell in self.cells.values())


def watch_lives(rows, nodes, seconds):
    """Notes when each key expires on each node, in seconds since its change."""
    end = time.monotonic() + seconds
    for node in nodes:
        for row in rows:
            if row.life == 0 and node.client().item(row.key) is None:
                row.gone[node.name] = 0
    while time.monotonic() < end:
        for node in nodes:
            asked = [row for row in rows if node.name not in row.gone]
            lines = node.ask("get " + " ".join(row.key for row in asked)) if asked else []
            here = {line.split()[1].decode() for line in lines if line.startswith(b"VALUE row")}
            now = time.monotonic()
            for row in asked:
                if row.key not in here:
                    row.gone[node.name] = now - row.done_at
        if all(row.life is None or len(row.gone) == len(nodes) for row in rows):
            return
        time.sleep(0.02)


def print_table(rows):
    lines = ["     %-24s %-7s %s" % ("command", "", " ".join("%-8s" % name for name in COLUMNS))]
    for row in rows:
        lines.append("     %-24s %-7s %s" % (row.name, row.protocol, " ".join(
            "%-8s" % row.cells[name] for name in COLUMNS)))
    print("\n".join(lines), flush=True)


def case_every_command_reaches_the_standby(lab):
    a, b = lab.pair()
    clients = {name: a.connect() for name in ("text", "binary", "meta")}
    rows = [Row(index, row) for index, row in enumerate(ROWS)]
    for row in rows:
        row.prepare(a.client())
    lab.drained(a)
    for row in rows:
        row.change(clients, a.client())
    for row in rows:
        row.compare(a, b, lab)
    slack = 1.2 if not lab.build.sanitized else 2.5
    watch_lives(rows, (a, b), LIFE + 3 * slack)
    for row in rows:
        row.judge_life((a, b), slack)
    print_table(rows)
    bad = [row for row in rows if not row.is_ok()]
    if bad:
        raise Failed("%d of %d rows: %s" % (len(bad), len(rows), "; ".join(
            "%s (%s): %s" % (row.name, row.protocol, ", ".join(
                "%s: %s" % cell for cell in row.cells.items() if cell[1] != "ok"))
            for row in bad)))
    return "%d commands, %d cells" % (len(rows), len(rows) * len(COLUMNS))


def flush_text(client):
    assert client.ask("flush_all") == [b"OK"]


def flush_text_quietly(client):
    client.send(b"flush_all noreply\r\n")
    assert client.ask("version")[0].startswith(b"VERSION")


def flush_text_delayed(client):
    assert client.ask("flush_all 2") == [b"OK"]


def flush_binary(client):
    assert client.call("flush").status == "OK"


def flush_binary_quietly(client):
    client.send(request("flushq"))
    assert client.call("noop").status == "OK"


def flush_binary_delayed(client):
    assert client.call("flush", exp=2).status == "OK"


FLUSHES = (flush_text, flush_text_quietly, flush_text_delayed, flush_binary, flush_binary_quietly,
           flush_binary_delayed)


def case_every_flush_reaches_the_standby(lab):
    a, b = lab.pair()
    for flush in FLUSHES:
        keys = ["%s%d" % (flush.__name__, number) for number in range(50)]
        for key in keys:
            a.client().store(key, "x")
        lab.drained(a)
        assert b.client().item(keys[0]), "%s: the item has not arrived" % flush.__name__
        with a.connect() as client:
            flush(client)
        delayed = flush.__name__.endswith("delayed")
        if delayed:
            assert a.client().item(keys[0]), "%s took effect too early" % flush.__name__
        for node in (a, b):
            for key in keys:
                lab.until(lambda node=node, key=key: node.client().item(key) is None,
                          "%s: %s is gone on %s" % (flush.__name__, key, node.name))
        assert a.client().store("after", flush.__name__) == "STORED"
        assert a.client().item("after"), "%s: a set in the second of a flush is lost" % flush.__name__
        lab.same(a, b, ["after"])
        lab.drained(a)
        lab.same(a, b, ["after"] + keys)
    return "%d forms" % len(FLUSHES)
