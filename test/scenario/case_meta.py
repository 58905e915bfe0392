"""What meta commands know of an item is the same on both nodes: it is stale, a client has won it,
its key is base64. So a change of roles makes no second winner."""

PLACE = "two"


def number(node, name):
    return int(node.stat("repl_" + name))


def ask(node, line):
    return node.client().ask(line)[0]


def marks(node, key):
    """Which of W, X and Z a client sees that reads the item."""
    return b"".join(word for word in ask(node, "mg %s" % key).split() if word in (b"W", b"X", b"Z"))


def settled(lab, a, b):
    lab.drained(a)
    lab.until(lambda: number(b, "in_sync") == 1, "b is in sync")


def prepare(lab, a):
    """One item of each kind."""
    client = a.client()
    for key in ("stale", "won", "late", "value"):
        assert client.store(key, "v" * 5000, exp=100) == "STORED"
    assert ask(a, "mg added N60 t") == b"HD t60 W"
    for key in ("stale", "won"):
        assert ask(a, "md %s I T50" % key) == b"HD"
    assert marks(a, "won") == b"XW"
    assert ask(a, "mg late R200").endswith(b" W")


def judge(node):
    """No client wins a second time what was won, and one wins what was not."""
    assert marks(node, "won") == b"ZX", marks(node, "won")
    assert ask(node, "mg late R200") == b"HD Z"
    assert ask(node, "mg added N60") == b"HD Z"
    assert marks(node, "stale") == b"XW", marks(node, "stale")
    assert marks(node, "stale") == b"ZX"
    assert marks(node, "value") == b""
    assert 40 <= int(ask(node, "mg won t").split()[1][1:]) <= 50


def case_one_winner_though_the_active_dies(lab):
    a, b = lab.pair()
    prepare(lab, a)
    settled(lab, a, b)
    a.kill()
    judge(b)


def case_one_winner_after_a_handover(lab):
    a, b = lab.pair()
    prepare(lab, a)
    settled(lab, a, b)
    assert a.ctl("handover")[0] == 0
    lab.until(lambda: b.stat("repl_role") == "active", "b is active")
    judge(b)


def case_one_winner_after_a_copy(lab):
    """The standby comes back empty, and gets all marks with the items."""
    a, b = lab.pair()
    prepare(lab, a)
    settled(lab, a, b)
    b.kill()
    b.start()
    lab.linked(a, b)
    settled(lab, a, b)
    a.kill()
    judge(b)


def case_a_win_is_a_small_change(lab):
    """A client that wins a value of 50 KB costs the link no value."""
    a, b = lab.pair()
    for index in range(20):
        assert a.client().store("k%d" % index, "v" * 50000, exp=100) == "STORED"
    settled(lab, a, b)
    before = number(a, "bytes_out")
    for index in range(20):
        assert ask(a, "mg k%d R200" % index) == b"HD W"
    settled(lab, a, b)
    assert number(a, "bytes_out") - before < 20000
    a.kill()
    for index in range(20):
        assert ask(b, "mg k%d R200" % index) == b"HD Z"


def case_a_standby_gives_no_wins(lab):
    """It takes no changes, so its clients may read what is stale, and somebody else refreshes it."""
    a, b = lab.pair(configs=("", "standby_writes=reject"))
    prepare(lab, a)
    settled(lab, a, b)
    assert marks(b, "stale") == b"ZX"
    assert ask(b, "mg value R200") == b"HD Z"
    assert ask(b, "mg value T5").startswith(b"SERVER_ERROR")
    assert ask(b, "mg new N5").startswith(b"SERVER_ERROR")
    assert marks(a, "stale") == b"XW"


def case_a_key_in_base64(lab):
    """It is returned so on both nodes, however it is asked for."""
    a, b = lab.pair()
    client = a.client()
    client.send(b"ms dGVzdA== 1 b\r\nx\r\n")
    assert client.line() == b"HD"
    settled(lab, a, b)
    a.kill()
    assert ask(b, "mg test k") == b"HD kdGVzdA== b"
    assert ask(b, "mg dGVzdA== b k") == b"HD kdGVzdA== b"
