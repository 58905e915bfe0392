"""mcreplctl guard --on-active, --on-standby: what it runs when its node's role has changed,
with keepalived and without."""

import os
import stat
import time

from guard import Guard

PLACE = "two"


class Hook:
    """A command of the operator: notes what it was told, and does what the test has put into
    its script."""

    def __init__(self, lab, script=""):
        self.folder = os.path.join(lab.folder, "hook-%d" % len(os.listdir(lab.folder)))
        os.mkdir(self.folder)
        self.path, self.notes = os.path.join(self.folder, "hook"), os.path.join(self.folder, "notes")
        self.write(script)

    def write(self, script):
        """Moved into place: a script must not change while a shell reads it."""
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write('#!/bin/sh\ncd %s\necho "begin $MCD_ROLE $MCD_TERM" >>notes\n%s\n'
                       'echo "end $MCD_ROLE" >>notes\n' % (self.folder, script))
            os.fchmod(file.fileno(), stat.S_IRWXU)
        os.rename(self.path + ".new", self.path)

    def said(self):
        try:
            with open(self.notes, encoding="ascii") as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def roles(self):
        """The roles for which a command has ended well, oldest first."""
        return [line.split()[1] for line in self.said() if line.startswith("end ")]

    def options(self):
        return ("--on-active", self.path, "--on-standby", self.path)

    def touch(self, name):
        with open(os.path.join(self.folder, name), "w", encoding="ascii"):
            pass

    def release(self):
        self.touch("go")


WAIT = "until [ -e go ]; do sleep 0.02; done"


def case_without_keepalived(lab):
    """The role comes from an operator, or a client's first write: each node's command runs
    once for each change. No keepalived is asked or told."""
    a, b = lab.pair()
    hook_a, hook_b = Hook(lab, 'test -S "$MCD_SOCKET"'), Hook(lab)
    with Guard(lab, a, *hook_a.options(), vrrp=False) as of_a, \
            Guard(lab, b, *hook_b.options(), vrrp=False) as of_b:
        of_a.says(0)
        of_b.says(0)
        lab.until(lambda: (hook_a.roles(), hook_b.roles()) == (["standby"], ["standby"]),
                  "both are told how the nodes began")
        assert a.client().store("k", "v") == "STORED"
        lab.until(lambda: hook_a.roles() == ["standby", "active"], "a is active by a client's write")
        lab.drained(a)
        assert a.ctl("handover")[0] == 0
        lab.until(lambda: hook_a.roles() == ["standby", "active", "standby"], "a is standby")
        lab.until(lambda: hook_b.roles() == ["standby", "active"], "b is active by a handover")
        lab.linked(a, b)
        assert a.ctl("promote")[0] == 0
        lab.until(lambda: hook_a.roles()[3:] == ["active"] and hook_b.roles()[2:] == ["standby"],
                  "both have followed the promotion")
        assert not os.path.exists(of_a.fifo), "a FIFO was made that nobody had asked for"
        terms = [int(line.split()[2]) for line in hook_a.said() + hook_b.said()
                 if line.startswith("begin active ")]
        assert len(set(terms)) == 3, "each promotion has its own term: %s" % terms
        lab.until(lambda: (of_a.log().count("running "), of_b.log().count("running ")) == (4, 3),
                  "each guard has logged each command once")


def case_with_keepalived(lab):
    """keepalived's orders change the node's role, and the command follows the role."""
    a, b = lab.pair()
    hook = Hook(lab)
    with Guard(lab, b, *hook.options()) as guard:
        guard.says(0)
        guard.tell("MASTER")
        lab.until(lambda: hook.roles() == ["standby", "active"], "the master is active")
        guard.tell("BACKUP", "MASTER", "FAULT")
        lab.until(lambda: hook.roles() == ["standby", "active", "standby"], "only the newest state counts")
        lab.until(lambda: (a.stat("repl_role"), b.stat("repl_role")).count("active") < 2, "one is active")


def case_node_dies(lab):
    """A node that does not answer serves nobody, whatever its role was; when it is back, its
    role counts."""
    a, _ = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    hook = Hook(lab, 'echo "$MCD_WHY" >why')
    with Guard(lab, a, *hook.options(), vrrp=False):
        lab.until(lambda: hook.roles() == ["active"], "a is active")
        a.pause()
        lab.until(lambda: hook.roles() == ["active", "standby"], "a hangs")
        with open(os.path.join(hook.folder, "why"), encoding="ascii") as file:
            assert "does not answer" in file.read()
        a.cont()
        lab.until(lambda: hook.roles() == ["active", "standby", "active"], "a is back")
        a.kill()
        lab.until(lambda: hook.roles()[3:] == ["standby"], "a is dead")


def case_one_at_a_time(lab):
    """The role changes five times while a command runs: it ends in peace, then one command
    runs, for the newest role."""
    a, b = lab.pair()
    hook = Hook(lab, WAIT)
    with Guard(lab, b, *hook.options(), vrrp=False) as guard:
        lab.until(lambda: hook.said() == ["begin standby 0"], "the first command runs")
        for role in ("promote", "demote", "promote", "demote", "promote"):
            assert b.ctl(role)[0] == 0
            wanted = "active" if role == "promote" else "standby"
            lab.until(lambda wanted=wanted: b.stat("repl_role") == wanted, role)
        looks = guard.number("rank")
        lab.until(lambda: guard.number("rank") != looks or guard.number("rank") == 0, "it looks")
        assert hook.said() == ["begin standby 0"], hook.said()
        hook.release()
        lab.until(lambda: hook.roles() == ["standby", "active"], "the newest role has been told")
        assert "the role has changed meanwhile" in guard.log(), guard.log()
        assert [line.split()[0] for line in hook.said()] == ["begin", "end", "begin", "end"], hook.said()
        assert a.stat("repl_role") == "standby"


def case_there_and_back(lab):
    """The role changes and changes back while a command runs. The other node may have taken
    the address in between, so the command runs once more."""
    a, _ = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    hook = Hook(lab, WAIT)
    with Guard(lab, a, *hook.options(), vrrp=False) as guard:
        lab.until(lambda: len(hook.said()) == 1, "the first command runs")
        a.pause()
        guard.says(-254)
        a.cont()
        guard.says(0)
        hook.release()
        lab.until(lambda: hook.roles() == ["active", "active"], "it runs again")


def case_fails(lab):
    """A command that fails is run again, until it succeeds; its exit code is in the log."""
    a, _ = lab.pair()
    hook = Hook(lab, "[ -e go ] || exit 7")
    with Guard(lab, a, *hook.options(), vrrp=False) as guard:
        lab.until(lambda: guard.log().count("exit code 7") == 2, "it failed twice")
        assert "trying again in 1 s" in guard.log() and "trying again in 2 s" in guard.log(), guard.log()
        hook.release()
        lab.until(lambda: hook.roles() == ["standby"], "it succeeds")
        lab.until(lambda: "on-standby: done after" in guard.log(), "the guard knows")
        count = guard.log().count("running ")
        a.kill()
        guard.says(-254)
        assert guard.log().count("running ") == count, "a dead standby is no change of role"


def case_fails_then_changes(lab):
    """A change of role ends the pause after a failure."""
    a, _ = lab.pair()
    hook = Hook(lab, '[ "$MCD_ROLE" = active ] || exit 7')
    with Guard(lab, a, *hook.options(), vrrp=False) as guard:
        lab.until(lambda: guard.log().count("exit code 7") == 3, "the pause is 4 s now", 30)
        begun = time.monotonic()
        assert a.client().store("k", "v") == "STORED"
        lab.until(lambda: hook.roles() == ["active"], "the other command runs")
        assert time.monotonic() - begun < 2 * lab.build.slowness


def case_hangs(lab):
    """A command that hangs is killed with what it has started, at its limit; the guard goes
    on watching meanwhile."""
    a, _ = lab.pair()
    hook = Hook(lab, "[ -e go ] || { trap '' TERM; sleep 1000 & echo $! >new; mv new child; wait; }")
    with Guard(lab, a, *hook.options(), "--hook-limit", "1500", vrrp=False) as guard:
        lab.until(lambda: os.path.exists(os.path.join(hook.folder, "child")), "it runs")
        a.pause()
        guard.says(-254)
        a.cont()
        guard.says(0)
        assert "killing it" not in guard.log(), "the guard has waited for the command: " + guard.log()
        lab.until(lambda: "which is the limit: killing it" in guard.log(), "it is killed")
        with open(os.path.join(hook.folder, "child"), encoding="ascii") as file:
            child = int(file.read())
        lab.until(lambda: has_ended(child), "its children end with it")
        lab.until(lambda: "was ended by signal 9" in guard.log(), "the log says how it ended")
        hook.release()
        lab.until(lambda: hook.roles() == ["standby"], "it is tried again")


def has_ended(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def case_guard_ends(lab):
    """The guard does not leave a command behind, and the next guard tells the role anew."""
    a, _ = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    hook = Hook(lab, "echo $$ >new; mv new pid; " + WAIT)
    with Guard(lab, a, *hook.options(), vrrp=False):
        lab.until(lambda: os.path.exists(os.path.join(hook.folder, "pid")), "it runs")
    with open(os.path.join(hook.folder, "pid"), encoding="ascii") as file:
        child = int(file.read())
    lab.until(lambda: has_ended(child), "no command is left behind")
    hook.release()
    with Guard(lab, a, *hook.options(), vrrp=False):
        lab.until(lambda: hook.roles() == ["active"], "the next guard tells the role")


def case_output(lab):
    """What a command prints is in the guard's log, and it has no standard input."""
    a, _ = lab.pair()
    hook = Hook(lab, "echo to stdout; echo to stderr >&2; cat; kill -PIPE $$")
    with Guard(lab, a, "--on-standby", hook.path, vrrp=False) as guard:
        lab.until(lambda: "signal 13" in guard.log() or "code 141" in guard.log(), guard.log())
        assert "to stdout\nto stderr\n" in guard.log(), guard.log()
