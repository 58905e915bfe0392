"""A key may be any bytes, as clients of the binary protocol send them: also those that an
implementation could be tempted to use for itself. They live through merges, cuts, purges,
handovers and restarts like all others, over an engine with extensions and one without."""

from case_split import cut, heal

PLACE = "two"
KEYS = [b"\x01replication fence", b"\x01", b"\x00", b"\x00" * 250, b"\xff" * 250, b"a key", b"a\r\nget b",
        b"\x80\x01\x00\x03", b"repl", b"stats", bytes(range(250)), bytes(range(255, 5, -1)),
        "\u00fc\u4e2d".encode(), b" ", b"\n", b"\x7f\x1b[0m"]


def change(node, command, keys, value=b""):
    with node.connect() as client:
        for key in keys:
            told = client.call(command, key, value)
            assert told.status == "OK", "%s: %s %r: %s" % (node.name, command, key, told)


def put(node, keys, value):
    change(node, "set", keys, value)


def both_have(a, b, keys, value):
    for node in (a, b):
        with node.connect() as client:
            for key in keys:
                told = client.call("get", key)
                want = ("OK", value) if value is not None else ("NOT_FOUND", told.value)
                assert (told.status, told.value) == want, "%s: %r: %s" % (node.name, key, told)


def merge(lab, a, b):
    """Cuts, lets both nodes change half of the keys, heals: each side's changes are on both."""
    cut(lab, a, b)
    put(a, KEYS[0::2], b"from a")
    put(b, KEYS[1::2], b"from b")
    heal(lab, a, b)
    for node in (a, b):
        lab.drained(node)
    both_have(a, b, KEYS[0::2], b"from a")
    both_have(a, b, KEYS[1::2], b"from b")


def conflict(lab, a, b):
    """Both change all: each is purged, and none comes back."""
    cut(lab, a, b)
    put(a, KEYS, b"of a")
    put(b, KEYS, b"of b")
    heal(lab, a, b)
    for node in (a, b):
        lab.drained(node)
    both_have(a, b, KEYS, None)


def live(lab, over):
    a, b = lab.pair(proxied=True, over=over)
    put(a, KEYS, b"new")
    lab.drained(a)
    both_have(a, b, KEYS, b"new")
    change(a, "append", KEYS, b"er")
    lab.drained(a)
    both_have(a, b, KEYS, b"newer")
    merge(lab, a, b)
    conflict(lab, a, b)
    active, standby = (a, b) if a.stat("repl_role") == "active" else (b, a)
    put(active, KEYS, b"again")
    lab.drained(active)
    standby.kill()
    standby.start()
    lab.linked(a, b)
    lab.drained(active)
    both_have(a, b, KEYS, b"again")
    code, text = active.ctl("handover")
    assert code == 0, text
    put(standby, KEYS, b"last")
    change(standby, "delete", KEYS[::3])
    lab.drained(standby)
    both_have(a, b, KEYS[::3], None)
    both_have(a, b, KEYS[1::3], b"last")


def case_any_bytes(lab):
    """Over the default engine."""
    live(lab, None)


def case_any_bytes_over_a_foreign_engine(lab):
    """Over an engine that declares no extension."""
    live(lab, lab.build.foreign_engine)
    assert "the wrapped engine does not follow the peer's CAS" in lab.nodes["a"].log(), "it has extensions"
