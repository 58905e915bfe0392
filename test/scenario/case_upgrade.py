"""A rolling upgrade from another build (test/scenario/run --other BUILD): the standby first,
handover, then the other node. Every key is compared. If the versions cannot replicate to each
other, both say so, nothing is lost, and the items move by `mcreplctl load`."""

import os
import subprocess

from harness.lab import Build
from harness.report import Skip

PLACE = "two"
KEYS = ["k%d" % number for number in range(400)]


def other_build():
    folder = os.environ.get("MCD_OTHER")
    if not folder:
        raise Skip("name another build with --other (git worktree add FOLDER COMMIT; ./dev build there)")
    build = Build(folder)
    assert not build.missing(), "%s is missing" % build.missing()
    return build


def install(node, old, new):
    """The node's next start is with the programs and modules of the build `new`."""
    node.command = [word.replace(old.folder + "/", new.folder + "/") for word in node.command]
    node.program = new


def ctl(node, *words):
    """With the tool that was installed with the node."""
    done = subprocess.run([node.program.mcreplctl, "-s", node.socket, "-t", "20000"] + list(words),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def start(lab, one, other):
    """A pair of the build `one`, filled, each item with flags, a TTL or none, and a CAS."""
    a, b = lab.add_pair("-m", "64", config="standby_writes=alone;cold_wait=500")
    for node in (a, b):
        install(node, lab.build, one)
        node.start()
    lab.linked(a, b)
    for number, key in enumerate(KEYS):
        assert a.client().store(key, "%d " % number * (number + 1), flags=number,
                                exp=0 if number % 3 else 1000) == "STORED"
    lab.drained(a)
    assert b.program is one is not other
    return a, b


def upgrade(lab, node, one, other):
    node.stop()
    install(node, one, other)
    node.start()
    lab.until(lambda: node.stat("repl_link") == "streaming" or node.stat("repl_last_error") not in ("", "none"),
              "%s has met its peer" % node.name)


def is_refused(node):
    return "version" in node.stat("repl_last_error")


def case_rolling(lab):
    """From the other build to this one."""
    return roll(lab, other_build(), lab.build)


def case_back(lab):
    """Back to the other build."""
    return roll(lab, lab.build, other_build())


def roll(lab, one, other):
    a, b = start(lab, one, other)
    upgrade(lab, b, one, other)
    lab.until(lambda: b.stat("repl_link") == "streaming" or is_refused(b), "b is linked, or refused")
    if b.stat("repl_link") != "streaming":
        return refused(lab, a, b, one, other)
    lab.drained(a)
    lab.same(a, b, KEYS)
    assert a.client().store("k0", "written between the upgrades") == "STORED"
    code, text = ctl(a, "handover")
    assert code == 0, text
    assert b.client().store("k1", "written after the handover") == "STORED"
    upgrade(lab, a, one, other)
    lab.linked(a, b)
    lab.drained(b)
    lab.same(a, b, KEYS)
    assert b.client().item("k0")[2] == b"written between the upgrades", b.client().item("k0")
    assert b.client().item("k%d" % (len(KEYS) - 1)), "the last key is lost"
    return "%d keys are equal after each step" % len(KEYS)


def refused(lab, a, b, one, other):
    """Neither takes the other one for its peer; the active node goes on, and has everything."""
    new = b if other is lab.build else a
    lab.until(lambda: "install the same version on both" in new.log(), "the log says what to do")
    code, text = ctl(a, "handover")
    assert code != 0, "a handover to nobody: " + text
    for number, key in enumerate(KEYS):
        assert a.client().item(key)[2] == b"%d " % number * (number + 1)
    assert b.client().item("k0") is None and b.stat("repl_in_sync") == "0"
    # So the items move as from any other memcached.
    done = subprocess.run([lab.build.mcreplctl, "load", "127.0.0.1:%d" % a.port, "127.0.0.1:%d" % b.port],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    reason = " ".join(node.stat("repl_last_error") for node in (a, b)).replace("_", " ")
    if b"gives no dump" in done.stdout:
        return "refused (%s); it is too old to load from: it begins empty" % reason
    assert done.returncode == 0, done.stdout.decode()
    for number, key in enumerate(KEYS):
        item = b.client().item(key)
        assert item and item[2] == b"%d " % number * (number + 1), key
    upgrade(lab, a, one, other)
    lab.linked(a, b)
    lab.drained(b)
    lab.same(a, b, KEYS)
    return "refused (%s); the items were loaded" % reason
