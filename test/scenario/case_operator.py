"""What mcreplctl shows people, and what a node keeps for it: both nodes side by side, the
last error, the history, pauses, another peer."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from case_guard import Guard
from harness.lab import free_port

PLACE = "two"


class Screen:
    """mcreplctl on a terminal of its own; all that it wrote is kept."""

    def __init__(self, lab, node, *words, **environment):
        self.lab, self.shown = lab, ""
        self.master, slave = pty.openpty()
        environment = dict(lab.environment, TERM="xterm", COLUMNS="100", **environment)
        environment = {name: value for name, value in environment.items() if value is not None}
        self.process = subprocess.Popen([lab.build.mcreplctl, "-s", node.socket] + list(words), stdin=slave,
                                        stdout=slave, stderr=slave, env=environment)
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.master)

    def read(self):
        """All that came so far."""
        while select.select([self.master], [], [], 0.02)[0]:
            try:
                self.shown += os.read(self.master, 65536).decode()
            except OSError:  # the other end is closed
                break
        return self.shown

    def frame(self):
        """What the last frame drew, without colours."""
        last = self.read().split("\x1b[H")[-1]
        return re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", last)

    def until(self, part):
        self.lab.until(lambda: part in self.frame(), "%r is drawn; it is: %s" % (part, self.frame()))

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(10 * self.lab.build.slowness)
        self.read()
        return code


def told(lab, *nodes):
    for node in nodes:
        lab.until(lambda node=node: node.stat("repl_peer_told") == "1", "%s was told of its peer" % node.name)


def cells(text, label):
    """The cells of one row."""
    line = next((line for line in text.splitlines() if line.startswith(label.ljust(13))), "")
    return [cell for cell in re.split(r"  +", line[13:].strip()) if cell]


def case_side_by_side(lab):
    """status --pair shows both nodes, from what the peer told; when it is gone it says
    since when, and keeps no figure that may be out of date."""
    a, b = lab.pair()
    for number in range(1234):
        a.client().store("k%d" % number, "v")
    lab.drained(a)
    told(lab, a, b)
    lab.until(lambda: a.stat("repl_peer_items") == "1234" and a.stat("repl_peer_in_sync") == "1",
              "a knows that b has all")
    code, text = a.ctl("status", "--pair")
    assert code == 0 and "\x1b" not in text, repr(text)
    assert cells(text, "role") == ["active, term 1", "standby"], text
    assert cells(text, "items") == ["1,234", "1,234"], text
    assert cells(text, "in sync") == ["yes", "yes"], text
    assert [cell.split(":")[0] for cell in cells(text, "health")] == ["fit", "fit"], text
    code, text = b.ctl("status", "--pair")
    assert cells(text, "role") == ["standby, term 1", "active"], text
    b.kill()
    lab.until(lambda: a.stat("repl_link") == "down", "a notices")
    before = time.monotonic()
    code, text = a.ctl("status", "--pair")
    assert code == 0 and time.monotonic() - before < 5 * lab.build.slowness, "it hangs"
    assert re.match(r"not reachable since \d\d:\d\d:\d\d \(", cells(text, "role")[1]), text
    assert cells(text, "items") == ["1,234"] and cells(text, "in sync") == ["no"], text
    figures = json.loads(a.ctl("status", "--json")[1])
    assert figures["repl_peer_told"] == 0 and figures["repl_peer_items"] == 0, figures


def case_forms(lab):
    """A terminal gets both nodes, with colour unless NO_COLOR says otherwise; a pipe gets
    lines of a name and a value, which scripts read."""
    a, _ = lab.pair()
    told(lab, a)
    with Screen(lab, a, "status", NO_COLOR=None) as screen:
        screen.until("received")
        assert "\x1b[32m" in screen.shown and "this node" in screen.shown, screen.shown
    with Screen(lab, a, "status", NO_COLOR="1") as screen:
        screen.until("received")
        assert "\x1b[" not in screen.shown, screen.shown
    with Screen(lab, a, "status", "--plain") as screen:
        screen.until("reconnects")
        assert "role         standby" in screen.shown and "this node  " not in screen.shown, screen.shown
    code, text = a.ctl("status")
    assert code == 0 and "role         standby\n" in text and "this node  " not in text, text
    for words, part in ((("--json", "--pair"), "only one of"), (("3",), "only with --watch"),
                        (("--watch", "0"), "0.1 to 3600"), (("--watch", "soon"), "0.1 to 3600")):
        code, text = a.ctl("status", *words)
        assert code == 2 and part in text, (words, code, text)


def case_progress(lab):
    """A copy shows how far it is, on both nodes."""
    a, b = lab.add_pair(config="copy_rate=200k;cold_wait=60000")
    a.start()
    lab.run_load(a, "--fill", 3000, "--size", 1000)
    b.start()
    part = re.compile(r"([\d,]+) of about ([\d,]+) items \((\d+)%\), \d+ m?s left")
    found = {}
    for node in (a, b):
        def is_shown(node=node):
            shown = part.search(" ".join(node.ctl("status", "--pair")[1].split()))
            found[node.name] = shown and [int(text.replace(",", "")) for text in shown.groups()]
            return shown
        lab.until(is_shown, "%s shows the copy" % node.name)
    for done, total, percent in found.values():
        assert 0 < done < total and 2000 <= total <= 4000, found
        assert abs(percent - 100 * done / total) <= 1, found


def case_watch(lab):
    """status --watch survives restarts of the node, says since when there is no answer,
    redraws in place, and ends on Ctrl-C with the cursor back."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Screen(lab, b, "status", "--watch", "0.1") as screen:
        screen.until("standby, term 1")
        screen.until("/s)")
        b.kill()
        screen.until("no answer since ")
        assert re.search(r"no answer since \d\d:\d\d:\d\d \(", screen.frame()), screen.frame()
        b.start()
        screen.until("standby, term 1")
        assert "no answer" not in screen.frame(), screen.frame()
        assert "\x1b[2J" not in screen.shown, "it clears the screen, which flickers"
        assert screen.interrupt() == 0
        assert screen.shown.endswith("\x1b[?25h"), repr(screen.shown[-20:])


def case_last_error(lab):
    """The last error has an age, and is gone when both nodes are in sync again."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    b.kill()
    lab.until(lambda: "cannot_reach_the_peer" in a.stat("repl_last_error"), "a says so")
    lab.until(lambda: int(a.stat("repl_last_error_ms")) > 0, "it gets older")
    lab.until(lambda: "last error   cannot reach" in a.ctl("status")[1], "a line for scripts says so")
    lab.until(lambda: " ago: cannot reach" in a.ctl("status", "--pair")[1], "so does the view of both nodes")
    b.start()
    lab.linked(a, b)
    lab.until(lambda: a.stat("repl_last_error") in ("", "NULL"), "it is cured")
    text = a.ctl("status")[1]
    assert "last error" not in text and a.stat("repl_last_error_ms") == "0", text


def events(node):
    """The lines of the history: (time, kind, text)."""
    code, text = node.ctl("history")
    lines = text.splitlines()
    assert code == 0 and "in memory, and a restart forgets them" in lines[-1], text
    found = [re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)  (\w+) +(.*)", line) for line in lines[:-1]]
    assert all(found), text
    return [match.groups() for match in found]


def has(node, kind, part):
    return any(event[1] == kind and part in event[2] for event in events(node))


def case_history(lab):
    """Role changes, disconnects and copies are listed with times and causes; a restart
    begins anew."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    begun = time.time()
    assert b.ctl("promote")[0] == 0
    lab.until(lambda: a.stat("repl_role") == "standby", "a steps down")
    lab.linked(a, b)
    assert has(b, "role", "active now, term 2: promoted over the control socket"), events(b)
    assert has(a, "role", "standby now: the peer leads with term 2"), events(a)
    assert has(a, "link", "linked to the peer") and has(a, "node", "this process started"), events(a)
    assert has(a, "copy", "filled") or has(b, "copy", "filled"), (events(a), events(b))
    at = next(event[0] for event in events(b) if "active now, term 2" in event[2])
    assert abs(time.mktime(time.strptime(at, "%Y-%m-%d %H:%M:%S")) - begun) < 30, (at, begun)
    times = [event[0] for event in events(b)]
    assert times == sorted(times), times
    a.kill()
    lab.until(lambda: has(b, "link", "link closed") or has(b, "link", "the peer closed it"), "b notes it")
    lab.until(lambda: has(b, "link", "cannot reach the peer"), "and that a is gone")
    a.start()
    lab.linked(a, b)
    assert not has(a, "role", "standby now"), "the history survived: %s" % events(a)


def case_history_as_json(lab):
    """The same as JSON, for scripts: moments in seconds since 1970, and how often."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    begun = time.time()
    b.kill()
    lab.until(lambda: "cannot_reach_the_peer" in a.stat("repl_last_error"), "a notes that b is gone")
    code, text = a.ctl("history", "--json")
    told, lines = json.loads(text), events(a)
    assert code == 0 and set(told) == {"events", "forgotten"} and told["forgotten"] == 0, text
    kinds = [each["kind"] for each in told["events"]]
    assert kinds and kinds == [line[1] for line in lines][:len(kinds)], (text, lines)
    for each in told["events"]:
        assert set(each) == {"kind", "first", "last", "times", "text"}, each
        assert begun - 60 * lab.build.slowness < each["first"] <= each["last"] <= time.time(), (begun, each)
        assert each["times"] >= 1 and (each["times"] > 1 or each["first"] == each["last"]), each
    # The first one may be of the start, when a was there before b.
    gone = [each for each in told["events"] if each["text"].startswith("cannot reach the peer")][-1]
    assert gone["kind"] == "link" and gone["last"] > begun - 1, (begun, gone)
    assert a.ctl("--json", "history")[0] == 0
    a.kill()
    code, text = a.ctl("history", "--json")
    assert code == 3 and "{" not in text, text


def case_pause(lab):
    """While automatic moves are paused, the guard's files stay as they are: the address
    stays, though the roles move by hand. Then they follow."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, a) as of_a, Guard(lab, b) as of_b:
        of_a.says(0)
        of_b.says(0)
        lab.until(lambda: (of_a.number("rank"), of_b.number("rank")) == (1, 0), "the ranks are told")
        for node in (a, b):
            code, text = node.ctl("pause")
            assert code == 0 and "until 'resume'" in text, text
        for guard in (of_a, of_b):
            lab.until(lambda guard=guard: "automatic moves are paused" in guard.log(), "the guard knows")
        code, text = a.ctl("health")
        assert code == 0 and re.search(r"paused since \d\d:\d\d:\d\d, until 'resume'", text), text
        lab.until(lambda: "paused" in " ".join(cells(b.ctl("status", "--pair")[1], "moves")[1:]),
                  "b knows that a is paused")
        assert a.ctl("handover")[0] == 0
        lab.until(lambda: "FAULT: it has handed its role over" in of_a.log(), "its guard has seen it")
        assert a.ctl("health")[0] == 1
        lab.until(lambda: b.stat("repl_rank") == "1", "b outranks a")
        rounds = a.stat("repl_bytes_out"), set()
        lab.until(lambda: rounds[1].add(a.stat("repl_bytes_out")) or len(rounds[1]) > 8, "2 s pass")
        assert (of_a.number("health"), of_a.number("rank")) == (0, 1), of_a.log()
        assert (of_b.number("health"), of_b.number("rank")) == (0, 0), of_b.log()
        code, text = a.ctl("resume")
        assert code == 0 and text == "automatic moves go on", text
        of_a.says(-254)
        assert "the pause is over" in of_a.log(), of_a.log()
        assert b.ctl("resume")[0] == 0
        lab.until(lambda: of_b.number("rank") == 1, "b's rank follows: " + of_b.log())
        assert "were not paused" in b.ctl("resume")[1]


def case_pause_ends(lab):
    """A pause ends after its time by itself, and with the node: a dead node is FAULT at
    once, and the next one is not paused."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    for text in ("soon", "0", "5x", "-1", "400d"):
        assert a.ctl("pause", text)[0] != 0, text
    code, text = a.ctl("pause", "1s")
    assert code == 0 and "paused for 1 s" in text, text
    assert a.stat("repl_paused") == "1"
    lab.until(lambda: a.stat("repl_paused") == "0", "it is over")
    assert has(a, "node", "the time of the pause is over"), events(a)
    assert a.ctl("pause", "2h")[0] == 0 and int(a.stat("repl_pause_left_ms")) > 7100000
    with Guard(lab, a) as guard:
        lab.until(lambda: "automatic moves are paused" in guard.log(), "the guard knows")
        a.kill()
        guard.says(-254)
        a.start()
        assert a.stat("repl_paused") == "0"
        lab.linked(a, b)
        guard.says(0)


def case_wish_while_paused(lab):
    """If keepalived moves the address all the same, because a machine is gone, the role
    follows it."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    assert b.ctl("pause")[0] == 0
    with Guard(lab, b) as guard:
        lab.until(lambda: "automatic moves are paused" in guard.log(), "the guard knows")
        guard.tell("MASTER")
        lab.until(lambda: b.stat("repl_role") == "active", "b is active")


def third(lab, config=""):
    """A node whose configured peer is nowhere."""
    port = free_port()
    node = lab.add("c", engine=lab.build.repl_engine, config=";".join([
        "engine=" + lab.build.default_engine, "listen=127.0.0.1:%d" % port, "dirty_bits=20",
        "peer=127.0.0.1:%d" % free_port(), "control=" + os.path.join(lab.folder, "c.sock")]
        + lab.secrecy.words() + [text for text in (config,) if text]))
    node.listen_repl, node.socket = port, os.path.join(lab.folder, "c.sock")
    return node


def case_another_peer(lab):
    """A node takes another address for its peer while it runs: also a name. The configured
    one is back after a restart."""
    a, b = lab.pair()
    for number in range(100):
        a.client().store("k%d" % number, "v")
    lab.drained(a)
    before = a.stat("repl_peer")
    b.kill()
    c = third(lab)
    c.start()
    code, text = a.ctl("peer", "localhost:%d" % c.listen_repl)
    assert code == 0 and "written to no file" in text and "PEER=localhost:%d" % c.listen_repl in text, text
    lab.linked(a, c)
    lab.drained(a)
    lab.until(lambda: c.ctl("health")[0] == 0, "c is filled")
    assert a.stat("repl_peer") == "localhost:%d" % c.listen_repl
    lab.same(a, c, ["k%d" % number for number in range(100)])
    assert has(a, "link", "an operator named another peer"), events(a)
    a.kill()
    a.start()
    assert a.stat("repl_peer") == before


def case_refused_peers(lab):
    """Refused is a peer that cannot be one, and one that it would be dangerous to link to
    or to leave; the link stays."""
    a, b = lab.pair()
    links = a.stat("repl_reconnects")
    own, other = "127.0.0.1:%d" % a.listen_repl, "127.0.0.1:%d" % b.listen_repl
    for text, part in ((own, "this node itself"), ("0.0.0.0", "no single machine"),
                       ("224.0.0.1:11212", "no single machine"), ("[::1]:11212", "other family"),
                       ("::1", "in brackets"), ("b:0", "must be HOST"), ("two words", "one word"),
                       ("h\x1b[2J", "one word"), ("x" * 300, "253 characters|must be HOST")):
        code, answer = a.ctl("peer", text)
        assert code in (1, 2) and re.search(part, answer), (text, code, answer)
    assert a.ctl("peer")[0] == 2
    assert a.stat("repl_reconnects") == links and a.stat("repl_link") == "streaming"
    code, answer = a.ctl("peer", other)
    assert code == 0, answer
    lab.linked(a, b)
    lab.until(lambda: int(a.stat("repl_reconnects")) > int(links), "the link was made anew")


def case_peer_that_is_active_too(lab):
    """Another pair's active node does not step down, and this one neither, because of a
    wrong address. It is linked when one of them is demoted."""
    a, b = lab.pair(config="standby_writes=reject")
    for node in (a, b, a):  # by its term, a outranks c, which would step down
        assert node.ctl("promote")[0] == 0
        lab.linked(a, b)
        lab.until(lambda: a.stat("repl_term") == b.stat("repl_term"), "both know of it")
    assert a.client().store("k", "of a") == "STORED"
    lab.drained(a)
    b.kill()
    c = third(lab, "standby_writes=reject")
    c.start()
    assert c.ctl("promote")[0] == 0
    assert c.client().store("m", "of c") == "STORED"
    assert a.ctl("peer", "127.0.0.1:%d" % c.listen_repl)[0] == 0
    lab.until(lambda: "never_met" in a.stat("repl_last_error"), "a refuses it")
    assert (a.stat("repl_role"), c.stat("repl_role")) == ("active", "active")
    assert c.ctl("demote")[0] == 0
    lab.linked(a, c)
    lab.drained(a)
    assert (a.stat("repl_role"), c.stat("repl_role")) == ("active", "standby")
    lab.same(a, c, ["k", "m"])
    assert a.client().item("k")[2] == b"of a" and a.client().item("m")[2] == b"of c"


def case_help(lab):
    """Each command tells what it does, by help and by --help; a slip gets two lines at
    most, with the nearest command."""
    a, _ = lab.add_pair()
    code, text = a.ctl("help")
    names = re.findall(r"^  ([a-z][a-z-]*) ", text, re.M)
    assert code == 0 and len(names) > 15 and a.ctl("--help")[1] == text, text
    for name in names:
        code, text = a.ctl("help", name)
        assert code == 0 and text.startswith("Usage: mcreplctl " + name), text
        assert a.ctl(name, "--help") == (0, text), name
    assert "--watch" in a.ctl("help", "status")[1] and "--watch" not in a.ctl("help", "promote")[1]
    for words, part in ((("staus",), "did you mean 'status'?"), (("help", "promot"), "'promote'"),
                        (("status", "--wtach"), "did you mean '--watch'?"), ((), "a command is missing"),
                        (("pause", "10", "20"), "remove '20'")):
        code, text = a.ctl(*words)
        assert code == 2 and part in text and text.count("\n") < 2, (words, code, text)
