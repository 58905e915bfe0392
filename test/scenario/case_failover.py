"""A pair of which one node dies."""

import time

from harness.report import Failed

PLACE = "two"


def scaled(lab, count):
    """Fewer operations if a sanitizer makes each of them slow."""
    return count // 10 if lab.build.sanitized else count


def fill(lab, node, count, generation=0, *options):
    return lab.run_load(node, "--fill", count, "--generation", generation, "--pipeline", 16, *options)


def check(lab, node, count, generation=0, *options):
    """Checks that every key is present with the right value and flags."""
    return lab.run_load(node, "--check", count, "--generation", generation, "--pipeline", 16, *options)


def number_after(word, text):
    words = text.split()
    return int(words[words.index(word) + 1])



def case_killed_under_load(lab):
    """kill -9 in the middle of writes: the standby has no wrong value, and few are
    missing."""
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
    """A CAS token from before a fail-over works after it, if the value has not
    changed."""
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



def count_right(lab, node, count):
    """How much of a fill is present; less than 9 of 10 is a failure."""
    node_client = node.client()
    right = 0
    for start in range(0, count, 100):
        lines = node_client.ask("get " + " ".join("key%d" % n for n in range(start, start + 100)))
        right += sum(1 for line in lines if line.startswith(b"VALUE "))
    if right < count * 0.9:
        raise Failed("%d of %d items came back" % (right, count))
    return "%d of %d items came back" % (right, count)



def case_clean_stop_of_the_active(lab):
    """SIGTERM drains: nothing is lost, whatever was in flight."""
    count = scaled(lab, 50000)
    a, b = lab.pair()
    fill(lab, a, count)
    start = time.monotonic()
    a.stop()
    check(lab, b, count)
    return "stopped in %.2f s" % (time.monotonic() - start)
