"""All commands, in text, meta and binary, that can answer that a key is absent, and a
check that such an answer stays true. Used by case_absent.py."""

from case_table import binary, text
from harness.content import read
from harness.report import Failed

NEVER = 0xFFFFFFFF  # the expiry of a binary incr that does not create the key

# ---- the commands, one per row


def meta(line, value=None):
    """A meta command followed by mn; returns the answer before MN."""
    def act(client, key, _):
        data = (line % key).encode() + b"\r\n" + (value + b"\r\n" if value is not None else b"")
        client.send(data + b"mn\r\n")
        lines = [client.line()]
        while lines[-1] != b"MN":
            lines.append(client.line())
        return b" ".join(lines[:-1]).decode()
    return act


# name, protocol, the command, the answer
ROWS = [
    ("replace", "text", text("replace %s 0 0 1", b"x"), "NOT_STORED"),
    ("replace noreply", "text", text("replace %s 0 0 1 noreply", b"x"), ""),
    ("append", "text", text("append %s 0 0 1", b"x"), "NOT_STORED"),
    ("append noreply", "text", text("append %s 0 0 1 noreply", b"x"), ""),
    ("prepend", "text", text("prepend %s 0 0 1", b"x"), "NOT_STORED"),
    ("prepend noreply", "text", text("prepend %s 0 0 1 noreply", b"x"), ""),
    ("cas", "text", text("cas %s 0 0 1 77", b"x"), "NOT_FOUND"),
    ("cas noreply", "text", text("cas %s 0 0 1 77 noreply", b"x"), ""),
    ("incr", "text", text("incr %s 1"), "NOT_FOUND"),
    ("incr noreply", "text", text("incr %s 1 noreply"), ""),
    ("decr", "text", text("decr %s 1"), "NOT_FOUND"),
    ("decr noreply", "text", text("decr %s 1 noreply"), ""),
    ("touch", "text", text("touch %s 900"), "NOT_FOUND"),
    ("touch noreply", "text", text("touch %s 900 noreply"), ""),
    ("gat", "text", text("gat 900 %s"), "END"),
    ("gats", "text", text("gats 900 %s"), "END"),
    ("delete", "text", text("delete %s"), "NOT_FOUND"),
    ("delete noreply", "text", text("delete %s noreply"), ""),
    ("ms, replace", "meta", meta("ms %s 1 MR", b"x"), "NS"),
    ("ms, replace, quiet", "meta", meta("ms %s 1 MR q", b"x"), "NS"),
    ("ms, append", "meta", meta("ms %s 1 MA", b"x"), "NS"),
    ("ms, append, quiet", "meta", meta("ms %s 1 MA q", b"x"), "NS"),
    ("ms, prepend", "meta", meta("ms %s 1 MP", b"x"), "NS"),
    ("ms, prepend, quiet", "meta", meta("ms %s 1 MP q", b"x"), "NS"),
    ("ms with CAS", "meta", meta("ms %s 1 C77", b"x"), "NF"),
    ("ms with CAS, quiet", "meta", meta("ms %s 1 C77 q", b"x"), "NF"),
    ("ms, replace, with CAS", "meta", meta("ms %s 1 MR C77", b"x"), "NF"),
    ("ms, append, with CAS", "meta", meta("ms %s 1 MA C77", b"x"), "NS"),
    ("ms, prepend, with CAS", "meta", meta("ms %s 1 MP C77", b"x"), "NS"),
    ("ma", "meta", meta("ma %s"), "NF"),
    ("ma, quiet", "meta", meta("ma %s q"), "NF"),
    ("ma with CAS", "meta", meta("ma %s C77"), "NF"),
    ("ma, down", "meta", meta("ma %s MD"), "NF"),
    ("ma, down, with CAS", "meta", meta("ma %s MD C77"), "NF"),
    ("mg that touches", "meta", meta("mg %s T900"), "EN"),
    ("mg that touches, value", "meta", meta("mg %s T900 v"), "EN"),
    ("mg that touches, quiet", "meta", meta("mg %s T900 q"), ""),
    ("md", "meta", meta("md %s"), "NF"),
    ("md with CAS", "meta", meta("md %s C77"), "NF"),
    ("md, quiet", "meta", meta("md %s q"), "NF"),
    ("replace", "binary", binary("replace", b"x"), "NOT_FOUND"),
    ("replaceq", "binary", binary("replaceq", b"x"), "NOT_FOUND"),
    ("replace with CAS", "binary", binary("replace", b"x", cas=1), "NOT_FOUND"),
    ("append", "binary", binary("append", b"x"), "NOT_STORED"),
    ("appendq", "binary", binary("appendq", b"x"), "NOT_STORED"),
    ("append with CAS", "binary", binary("append", b"x", cas=1), "NOT_STORED"),
    ("prepend", "binary", binary("prepend", b"x"), "NOT_STORED"),
    ("prependq", "binary", binary("prependq", b"x"), "NOT_STORED"),
    ("prepend with CAS", "binary", binary("prepend", b"x", cas=1), "NOT_STORED"),
    ("set with CAS", "binary", binary("set", b"x", cas=1), "NOT_FOUND"),
    ("setq with CAS", "binary", binary("setq", b"x", cas=1), "NOT_FOUND"),
    ("incr", "binary", binary("incr", exp=NEVER), "NOT_FOUND"),
    ("incrq", "binary", binary("incrq", exp=NEVER), "NOT_FOUND"),
    ("incr with CAS", "binary", binary("incr", exp=NEVER, cas=1), "NOT_FOUND"),
    ("decr", "binary", binary("decr", exp=NEVER), "NOT_FOUND"),
    ("decrq", "binary", binary("decrq", exp=NEVER), "NOT_FOUND"),
    ("decr with CAS", "binary", binary("decr", exp=NEVER, cas=1), "NOT_FOUND"),
    ("touch", "binary", binary("touch", exp=900), "NOT_FOUND"),
    ("gat", "binary", binary("gat", exp=900), "NOT_FOUND"),
    ("gatq", "binary", binary("gatq", exp=900), ""),
    ("gatk", "binary", binary("gatk", exp=900), "NOT_FOUND"),
    ("gatkq", "binary", binary("gatkq", exp=900), ""),
    ("delete", "binary", binary("delete"), "NOT_FOUND"),
    ("deleteq", "binary", binary("deleteq"), "NOT_FOUND"),
    ("delete with CAS", "binary", binary("delete", cas=1), "NOT_FOUND"),
]


class Column:
    """One situation in which a node tells that keys are absent. Each row has its own
    key."""

    def __init__(self, name):
        self.name = name
        self.keys = ["%s%d" % (name, index) for index in range(len(ROWS))]
        self.answers, self.held_before, self.held = [], set(), set()

    def ask(self, node, peer):
        """Sends every command to the node while the peer still has most of the keys, as
        it should."""
        with peer.connect() as client:
            self.held_before = set(read(client, self.keys))
        clients = {name: node.connect() for name in ("text", "meta", "binary")}
        self.answers = [row[2](clients[row[1]], key, 77) for row, key in zip(ROWS, self.keys)]
        clients["text"].ask("mn")  # so that the last quiet command is done
        for client in clients.values():
            client.close()

    def judge(self, peer):
        """Records what the peer still serves: the second read must give the same as the
        first."""
        with peer.connect() as client:
            self.held |= set(read(client, self.keys))

    def cell(self, index):
        if self.answers[index] != ROWS[index][3]:
            return self.answers[index] or "no answer"
        return "served" if self.keys[index] in self.held else "ok"

    def wrong(self):
        return sum(self.cell(index) != "ok" for index in range(len(ROWS)))


def report_columns(columns):
    """Prints the table; returns its figures, or fails with the errors."""
    print("     %-24s %-7s %s" % ("command", "", " ".join("%-10s" % c.name for c in columns)))
    for index, row in enumerate(ROWS):
        print("     %-24s %-7s %s" % (row[0], row[1], " ".join(
            "%-10s" % c.cell(index) for c in columns)), flush=True)
    figures = ", ".join("%s %d of %d (%d were at the peer)" % (
        c.name, c.wrong(), len(ROWS), len(c.held_before)) for c in columns)
    if any(c.wrong() for c in columns):
        raise Failed("wrong cells: " + figures)
    return "wrong cells: " + figures


# ---- many keys, each with the next of these commands

# the command, its answer if the key is absent, the value that 100 becomes if it is
# present
FAILING = (
    (text("incr %s 1"), "NOT_FOUND", b"101"),
    (text("decr %s 1"), "NOT_FOUND", b"99"),
    (text("replace %s 0 0 1", b"7"), "NOT_STORED", b"7"),
    (text("append %s 0 0 1", b"7"), "NOT_STORED", b"1007"),
    (text("cas %s 0 0 1 77", b"7"), "NOT_FOUND", b"100"),
    (text("touch %s 900"), "NOT_FOUND", b"100"),
    (meta("gat 900 %s"), "END", b"100"),
    (meta("ms %s 1 MR", b"7"), "NS", b"7"),
    (meta("ma %s"), "NF", b"101"),
    (meta("mg %s T900"), "EN", b"100"),
)
GAT = FAILING[6:7]


def ask(node, keys, commands=FAILING):
    """Sends the commands. Returns what clients may now expect of each key: None if they
    were told that it is absent, else the value that 100 has become."""
    told = {}
    with node.connect() as client:
        for index, key in enumerate(keys):
            command, absent, value = commands[index % len(commands)]
            told[key] = None if command(client, key, 77) == absent else value
    return told


def count_absent(told):
    return sum(value is None for value in told.values())
