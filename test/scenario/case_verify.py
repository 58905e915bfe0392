"""mcreplctl verify: it finds and repairs differences while clients continue."""

import threading

PLACE = "two"


def falsify(lab, node, key, value, **changes):
    """Stores a key, and lets the network change bytes on its way to the peer."""
    for proxy in lab.proxies:
        proxy.alter = {old.encode(): new.encode() for old, new in changes.items()}
    assert node.client().store(key, value) == "STORED"
    lab.drained(node)
    for proxy in lab.proxies:
        proxy.alter = {}


def case_differences_are_found_and_repaired(lab):
    """A value and a key change on their way to the standby: verify finds each, copies the
    good state again, and a second run finds nothing."""
    a, b = lab.pair(proxied=True)
    for number in range(2000):
        a.client().store("k%d" % number, "v")
    falsify(lab, a, "value", "truth", truth="false")
    falsify(lab, a, "lost", "v", lost="more")
    assert b.client().item("value")[2] == b"false" and not b.client().item("lost")
    code, text = a.ctl("verify")
    assert code == 0, text
    assert "unequal values: 1, with an item on one node only: 2;" in text, text
    assert "equal; items compared: 2002, buckets repaired: 3," in text, text
    lab.same(a, b, ["value", "lost"])
    assert b.client().item("value")[2] == b"truth" and not b.client().item("more")
    assert "compared with the peer: buckets with unequal values: 1," in a.log()
    code, text = a.ctl("verify")
    assert code == 0 and "buckets repaired: 0," in text, text
    return text.splitlines()[-1]


def case_under_load(lab):
    """While clients write, unchanged keys are still compared, and their changes are not
    reported as differences."""
    a, b = lab.pair(proxied=True)
    for number in range(2000):
        a.client().store("k%d" % number, "v")
    falsify(lab, a, "value", "truth", truth="false")
    stop = threading.Event()

    def write(number):
        connection, count = a.connect(), 0
        while not stop.is_set():
            connection.store("w%d-%d" % (number, count % 100), "%d" % count)
            count += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    try:
        code, text = a.ctl("verify")
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert code == 0 and "unequal values: 1, with an item on one node only: 0;" in text, text
    lab.drained(a)
    assert b.client().item("value")[2] == b"truth"
    return text.splitlines()[-1]


def case_not_now(lab):
    """verify on the wrong node, or without a peer, says why it does not run."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    code, text = b.ctl("verify")
    assert code == 1 and "the peer leads: give the command there" in text, text
    b.kill()
    lab.until(lambda: a.stat("repl_link") == "down", "a notices")
    code, text = a.ctl("verify")
    assert code == 1 and "no peer to compare with" in text, text


case_differences_are_found_and_repaired.in_clear = True
case_under_load.in_clear = True
