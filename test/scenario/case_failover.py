"""A pair through the death of one of its nodes."""

import time

from harness.report import Failed

PLACE = "two"


def scaled(lab, count):
    """Fewer operations where a sanitizer makes each of them slow."""
    return count // 10 if lab.build.sanitized else count


def fill(lab, node, count, generation=0, *options):
    return lab.run_load(node, "--fill", count, "--generation", generation, "--pipeline", 16, *options)


def check(lab, node, count, generation=0, *options):
    """Every key is there with the right value and flags."""
    return lab.run_load(node, "--check", count, "--generation", generation, "--pipeline", 16, *options)


def number_after(word, text):
    words = text.split()
    return int(words[words.index(word) + 1])


def case_active_killed(lab):
    """kill -9: the standby has all that was acknowledged, takes writes and becomes active;
    the old one returns empty and is refilled without a hand."""
    count = scaled(lab, 50000)
    a, b = lab.pair()
    fill(lab, a, count)
    lab.drained(a)
    assert a.stat("repl_role") == "active" and b.stat("repl_role") == "standby"
    a.kill()
    check(lab, b, count)
    assert b.client().store("after", "x") == "STORED"
    assert b.stat("repl_role") == "active", "a write did not promote the standby"
    fill(lab, b, count // 2, 1)
    a.start()
    lab.linked(a, b)
    lab.drained(b)
    check(lab, a, count // 2, 1)
    lab.same(a, b, ["key%d" % number for number in range(0, count, count // 50)] + ["after"])
    assert a.stat("repl_role") == "standby", "the one that came back is %s" % a.stat("repl_role")


def case_killed_under_load(lab):
    """kill -9 in the middle of writes: nothing is wrong on the standby, little is missing."""
    count = scaled(lab, 50000)
    a, b = lab.pair()
    fill(lab, a, count)
    lab.drained(a)
    writer = a.connect()
    for number in range(count, count + 5000):
        value = unit(number)
        writer.send(b"set key%d %d 0 100 noreply\r\n%s\r\n" % (number, number, value))
    a.kill()
    writer.close()
    text = check(lab, b, count + 5000, 0, "--allow-missing", 5000)
    if number_after("wrong", text):
        raise Failed(text)
    return "%d of 5000 late writes did not make it" % number_after("missing", text)


def unit(number):
    """The value that bench/load gives a key."""
    piece = b"%d.0," % number
    return (piece * (100 // len(piece) + 1))[:100]


def case_cas_survives(lab):
    """A token taken before a fail-over works after it, if the value is still the same."""
    a, b = lab.pair()
    keys = ["cas%d" % number for number in range(100)]
    for key in keys:
        assert a.client().store(key, "one", flags=3) == "STORED"
    stale = {key: a.client().item(key)[1] for key in keys}
    for key in keys[:50]:
        assert a.client().store(key, "two") == "STORED"
    right = {key: a.client().item(key)[1] for key in keys}
    lab.drained(a)
    highest = max(right.values())
    a.kill()
    for key in keys[:50]:
        answer = b.client().store(key, "x", command="cas", cas=stale[key])
        assert answer == "EXISTS", "a spent token was answered with %s" % answer
    for key in keys:
        answer = b.client().store(key, "three", command="cas", cas=right[key])
        assert answer == "STORED", "a good token was answered with %s" % answer
    new = min(b.client().item(key)[1] for key in keys)
    assert new > highest, "CAS %d after %d: numbers are given out twice" % (new, highest)


def case_to_and_fro(lab):
    """The VIP moves to the other node and back, several times: clients see one cache."""
    count = scaled(lab, 5000)
    a, b = lab.pair()
    for turn in range(6):
        active, standby = (a, b) if turn % 2 == 0 else (b, a)
        fill(lab, active, count, turn)
        assert active.stat("repl_role") == "active"
        lab.until(lambda standby=standby: standby.stat("repl_role") == "standby",
                  "%s steps down" % standby.name)
        lab.drained(active)
        check(lab, standby, count, turn)
        check(lab, active, count, turn)
    full = int(a.stat("repl_resyncs_full")) + int(b.stat("repl_resyncs_full"))
    assert full <= 2, "%d full copies for moves of the VIP" % full


def case_active_restarts_at_once(lab):
    """The active restarts so fast that the VIP never moved: it serves at once, is refilled
    from the standby, and what clients change meanwhile stays."""
    count = scaled(lab, 50000)
    a, b = lab.pair()
    fill(lab, a, count)
    lab.drained(a)
    a.kill()
    a.start()
    fresh = ["key%d" % number for number in range(0, count, count // 100)]
    for key in fresh:
        assert a.client().store(key, "fresh") == "STORED"
    lab.linked(a, b)
    lab.drained(a)
    for key in fresh:
        item = a.client().item(key)
        assert item and item[2] == b"fresh", "%s is %s: the refill overwrote a client" % (key, item)
    lab.same(a, b, fresh)
    text = lab.run_load(a, "--check", count, "--pipeline", 16, "--allow-missing", count // 20) \
        if not fresh else count_right(lab, a, count)
    return text


def count_right(lab, node, count):
    """How much of a fill is there; less than 9 of 10 is a failure."""
    node_client = node.client()
    right = 0
    for start in range(0, count, 100):
        lines = node_client.ask("get " + " ".join("key%d" % n for n in range(start, start + 100)))
        right += sum(1 for line in lines if line.startswith(b"VALUE "))
    if right < count * 0.9:
        raise Failed("%d of %d items came back" % (right, count))
    return "%d of %d items came back" % (right, count)


def case_both_restart(lab):
    """Both at once: nothing is left, but the pair works without a hand."""
    a, b = lab.pair()
    assert a.client().store("k", "x") == "STORED"
    lab.drained(a)
    a.kill()
    b.kill()
    a.start()
    b.start()
    lab.linked(a, b)
    assert a.client().item("k") is None and b.client().item("k") is None
    assert b.client().store("k", "y") == "STORED"
    lab.drained(b)
    lab.same(a, b, ["k"])
    assert b.stat("repl_role") == "active" and a.stat("repl_role") == "standby"


def case_clean_stop_of_the_active(lab):
    """SIGTERM drains: nothing is lost, whatever was on the way."""
    count = scaled(lab, 50000)
    a, b = lab.pair()
    fill(lab, a, count)
    start = time.monotonic()
    a.stop()
    check(lab, b, count)
    return "stopped in %.2f s" % (time.monotonic() - start)
