"""The control socket and mcreplctl."""

import json
import os
import resource
import socket
import stat
import subprocess
import threading

from harness.false_node import FalseNode
from harness.lab import free_port
from harness.wire import Connection

PLACE = "two"


def case_status(lab):
    """status prints a table for people and an object for programs; both have the figures
    of `stats repl` and the run ids of both processes, which clients cannot read."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    code, text = a.ctl("status")
    assert code == 0 and "role         active" in text and "in sync      1" in text, text
    code, text = b.ctl("status", "--json")
    figures = json.loads(text)
    assert code == 0 and figures["repl_role"] == "standby" and figures["repl_in_sync"] == 1, text
    assert set(figures) ^ set(b.stats("repl")) == {"repl_run_id", "repl_peer_run_id"}, sorted(figures)


def case_health(lab):
    """health succeeds only for a node that may hold the VIP."""
    a, b = lab.add_pair(config="cold_wait=60000")
    a.start()
    code, text = a.ctl("health")
    assert code == 1 and "has not met its peer" in text, text
    assert a.client().store("k", "v") == "STORED"
    code, text = a.ctl("health")
    assert code == 0 and text.startswith("active"), text
    b.start()
    lab.linked(a, b)
    lab.drained(a)
    lab.until(lambda: b.ctl("health")[0] == 0, "the filled standby is healthy")
    a.kill()
    lab.until(lambda: b.stat("repl_link") == "down", "b notices")
    code, text = b.ctl("health")
    assert code == 0 and "without a peer" in text, text
    code, text = a.ctl("health")
    assert code == 3 and "is mcd running?" in text, text


def case_promote_and_demote(lab):
    """promote and demote change the role, and the peer adapts; nothing is lost."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    code, text = b.ctl("promote")
    assert code == 0 and text == "active now, term 2", text
    lab.until(lambda: a.stat("repl_role") == "standby", "a steps down")
    lab.linked(a, b)
    code, text = b.ctl("promote")
    assert code == 0 and text == "already active, term 2", text
    code, text = b.ctl("demote")
    assert code == 0 and b.stat("repl_role") == "standby", text
    lab.linked(a, b)
    lab.until(lambda: a.ctl("health")[0] == 0 and b.ctl("health")[0] == 0, "both are healthy")
    lab.same(a, b, ["k"])
    assert a.client().item("k")[2] == b"v"


def case_resync(lab):
    """resync copies everything, or says why it refuses."""
    a, b = lab.pair()
    for number in range(200):
        a.client().store("k%d" % number, "v")
    lab.drained(a)
    before = int(a.stat("repl_resync_items"))
    code, text = b.ctl("resync")
    assert code == 1 and "the peer leads" in text, text
    code, text = a.ctl("resync")
    assert code == 0, text
    lab.until(lambda: int(a.stat("repl_resync_items")) >= before + 200, "all is copied again")
    lab.drained(a)
    lab.same(a, b, ["k%d" % number for number in range(0, 200, 20)])
    b.kill()
    lab.until(lambda: a.stat("repl_link") == "down", "a notices")
    code, text = a.ctl("resync")
    assert code == 1 and "link is not up" in text, text


def case_socket(lab):
    """Only owner and group may use the socket. The socket of a killed node is replaced;
    one that another node serves is not."""
    a, b = lab.pair()
    mode = stat.S_IMODE(os.stat(a.socket).st_mode)
    assert mode == 0o660, oct(mode)
    a.kill()
    assert os.path.exists(a.socket)
    a.start()
    lab.linked(a, b)
    a.stop()
    assert not os.path.exists(a.socket), "a clean end left its socket behind"
    second = lab.add("c", engine=lab.build.repl_engine, config=";".join((
        "engine=" + lab.build.default_engine, "listen=127.0.0.1:%d" % a.listen_repl,
        "peer=127.0.0.1:%d" % b.listen_repl, "control=" + b.socket)))
    second.launch()
    lab.until(lambda: second.process.poll() is not None, "the second node ends")
    second.process = None
    assert "cannot make the control socket" in second.log(), second.log()
    assert b.ctl("status")[0] == 0


def case_garbage(lab):
    """Invalid input on the socket is answered or cut off, and the node continues to
    serve."""
    a, _ = lab.pair()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10 * lab.build.slowness)
        s.connect(a.socket)
        s.sendall(b"hocus\n\nstatus now\r\nhealth\n")
        text = b""
        while b"\nOK " not in text:
            text += s.recv(4096)
        words = [line.split()[0] for line in text.decode().splitlines()]
        assert words == ["ERROR"] * 3 + ["STAT"] * 6 + ["OK"], text
        s.sendall(b"\0\xff" * 5000)
        try:
            while s.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert a.ctl("health")[0] == 0


def case_answers_that_nobody_reads(lab):
    """A client that asks without end and reads nothing is disconnected before it costs
    memory."""
    a, _ = lab.pair()
    before = a.memory()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10 * lab.build.slowness)
        s.connect(a.socket)
        try:
            for _ in range(200):
                s.sendall(b"status\n" * 500)
            raise AssertionError("it may ask for ever")
        except (BrokenPipeError, ConnectionResetError):
            pass
    grown = a.memory() - before
    assert lab.build.sanitized or grown < 16 * 1024, "%d KiB more" % grown
    assert a.ctl("health")[0] in (0, 1)


def case_silent_clients(lab):
    """Idle connections do not keep others, above all the guard, from asking."""
    a, _ = lab.pair()
    silent = []
    try:
        for _ in range(40):
            silent.append(socket.socket(socket.AF_UNIX))
            silent[-1].connect(a.socket)
        code, text = a.ctl("status")
        assert code == 0, text
    finally:
        for s in silent:
            s.close()


def case_pushing_clients(lab):
    """A subscriber, above all the guard, keeps its connection however many others connect
    and talk; and however many subscribe, there is room for others."""
    a, _ = lab.pair()
    with Connection(a.socket) as guard:
        assert ask(guard, "news") == "OK"
        others, listeners = [], []
        try:
            for _ in range(40):
                others.append(Connection(a.socket))
                assert ask(others[-1], "health") == "OK"
            assert ask(guard, "health") == "OK", "it has been pushed out"
            answers = []
            for _ in range(40):
                listeners.append(Connection(a.socket))
                answers.append(ask(listeners[-1], "news"))
            assert answers == ["OK"] * 7 + ["ERROR"] * 33, answers
            assert a.ctl("status")[0] == 0
            assert ask(guard, "health") == "OK" and ask(listeners[0], "health") == "OK"
        finally:
            for other in others + listeners:
                other.close()


def ask(connection, command):
    """The first word of the line that ends the answer; NO counts as an answer, too."""
    word = connection.command(command)[-1].split()[0].decode()
    return "OK" if word == "NO" else word


def case_no_descriptors(lab):
    """Without descriptors a connection waits, the log says so once, and the node does not
    spin."""
    a, _ = lab.pair()
    before = len(a.log())
    limits = resource.prlimit(a.process.pid, resource.RLIMIT_NOFILE)
    used = max(int(name) for name in os.listdir("/proc/%d/fd" % a.process.pid)) + 1
    resource.prlimit(a.process.pid, resource.RLIMIT_NOFILE, (used, limits[1]))
    with Connection(a.socket) as waiting:
        waiting.send(b"health\n")
        lab.until(lambda: "Too many open files" in a.log()[before:], "a says so")
        sent = {a.stat("repl_bytes_out")}
        lab.until(lambda: sent.add(a.stat("repl_bytes_out")) or len(sent) > 3, "signs of life go on")
        said = len(a.log()) - before
        resource.prlimit(a.process.pid, resource.RLIMIT_NOFILE, limits)
        assert said < 5000, "%d bytes of log while 3 signs of life were sent" % said
        assert ask(waiting, "health") == "OK"
    return "%d bytes of log" % said


def case_control_bytes(lab):
    """Text from a node reaches the terminal as printable characters only."""
    evil = b"\x1b]0;mine\x07\x9b2J\x7f"
    liar = FalseNode(lab, "liar", b"STAT repl_role a" + evil + b"\nSTEP s" + evil + b"\nOK o" + evil + b"\n")
    for words in (["status"], ["status", "--json"], ["health"], ["verify"]):
        done = subprocess.run([lab.build.mcreplctl, "-s", liar.socket] + words, check=True,
                              stdout=subprocess.PIPE, timeout=20 * lab.build.slowness)
        assert all(byte == 10 or 32 <= byte < 127 for byte in done.stdout), (words, done.stdout)
        assert b"?]0;mine???" in done.stdout or b"?]0;mine??2J?" in done.stdout, done.stdout
    liar.close()


def case_watch_in_a_pipe(lab):
    """status --watch goes on when the node goes away, and says so once; it ends when
    nobody reads."""
    a, _ = lab.pair()
    watch = subprocess.Popen([lab.build.mcreplctl, "-s", a.socket, "status", "--watch", "0.1"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        shown = [watch.stdout.readline() for _ in range(60)]
        assert any(line.startswith("lag ") for line in shown), shown
        assert any("/s)" in line for line in shown), "no rates"
        a.kill()
        while not shown[-1].startswith("no answer since "):
            shown.append(watch.stdout.readline())
        a.start()
        assert watch.stdout.readline().startswith("role "), "it is said more than once"
        watch.stdout.close()
        watch.wait(20 * lab.build.slowness)
    finally:
        watch.kill()
        watch.wait()


WRONG = (
    (("dance",), "unknown command 'dance'; 'mcreplctl help' lists them"),
    (("stauts",), "did you mean 'status'?"),
    (("version",), "did you mean '--version'?"),
    ((), "a command is missing"),
    (("-s", "status"), "'-s status' takes 'status' for the socket"),
    (("-s",), "needs a value"),
    (("health", "status"), "health takes nothing more: remove 'status'"),
    (("handover", "now"), "handover takes nothing more: remove 'now'"),
    (("status", "2"), "only with --watch"),
    (("status", "--watch=2"), "option '--watch' takes no '=2'; 'mcreplctl help status'"),
    (("-t", "0", "status"), "1 to 3600000"),
    (("-t", "5s", "status"), "a whole number, not '5s'"),
    (("--wrong",), "unknown option '--wrong'; 'mcreplctl help' shows"),
    (("guard", "--wrong"), "'mcreplctl help guard' shows"),
    (("guard", "--fifo"), "option '--fifo' needs a value; 'mcreplctl help guard'"),
    (("guard", "extra"), "guard takes nothing more: remove 'extra'"),
    (("health", "--json"), "--json goes with status and history only"),
    (("history", "--watch"), "--watch go with status only"),
    (("history", "5"), "history takes nothing more: remove '5'"),
    (("pause", "5x"), "90s, 15m, 2h or 1d, not '5x'"),
    (("pause", "1h", "2h"), "pause takes nothing more: remove '2h'"),
    (("peer",), "HOST or HOST:PORT"),
    (("peer", ""), "HOST or HOST:PORT"),
    (("secret",), "needs the file to make"),
    (("secret", ""), "needs the file to make"),
    (("dump",), "needs the name of a file"),
    (("dump", ""), "needs the name of a file"),
    (("load",), "needs the name of a file, or HOST:PORT"),
    (("load", ""), "needs the name of a file, or HOST:PORT"),
    (("help", "dance"), "unknown command 'dance'"),
    (("keepalived-conf",), "--vip is missing"),
)


def case_wrong_usage(lab):
    """A wrong command line gets one line that says what is right, and asks no node."""
    a, _ = lab.pair()
    for words, part in WRONG:
        code, text = a.ctl(*words)
        assert code == 2 and part in text, (words, code, text)
        assert text.startswith("mcreplctl: ") and text.strip().count("\n") == 0, (words, text)
        assert len(text) < 200, (words, text)


def case_out_of_reach(lab):
    """A place where nothing answers gets one line that names it, and says what to look at."""
    a, _ = lab.pair()
    nobody = "127.0.0.1:%d" % free_port()
    missing = lab.folder + "/none/file"
    for words, part, wanted in (
            (("-s", missing, "status"), "No such file or directory; is mcd running?", 3),
            (("-s", lab.folder, "status"), "that is no socket", 3),
            (("dump", missing, nobody), "cannot reach %s: Connection refused; is a server running there?" % nobody, 3),
            (("load", nobody, nobody), "cannot reach %s: Connection refused" % nobody, 3),
            (("load", missing, nobody), missing, 1),
            (("secret", missing), "No such file or directory", 1)):
        code, text = a.ctl(*words)
        assert code == wanted and part in text and text.strip().count("\n") == 0, (words, code, text)


def case_handover(lab):
    """The role moves under writes from eight connections. Every acknowledged write is on
    the new active node; the old one refuses writes until the link is lost."""
    a, b = lab.pair()
    assert a.client().store("first", "v") == "STORED"
    lab.drained(a)
    acknowledged, refused, stop = {}, [], threading.Event()

    def write(number):
        connection, count = a.connect(), 0
        while not stop.is_set():
            key, value = "w%d-%d" % (number, count % 50), "%d" % count
            answer = connection.store(key, value)
            if answer == "STORED":
                acknowledged[key] = value
            else:
                refused.append(answer)
                return
            count += 1

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    try:
        lab.until(lambda: len(acknowledged) > 300, "the writers are at work")
        code, text = a.ctl("handover")
        for writer in writers:
            writer.join(20 * lab.build.slowness)
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert code == 0 and "the peer is active now" in text, text
    told = "SERVER_ERROR this node is a standby and takes no writes; write to the active node"
    assert refused == [told] * 8, refused
    assert b.stat("repl_role") == "active" and a.stat("repl_role") == "standby"
    for key, value in acknowledged.items():
        item = b.client().item(key)
        assert item and item[2] == value.encode(), "%s is %s, not %s" % (key, item, value)
    code, why = a.ctl("health")
    assert code == 1 and "handed its role over" in why, why
    assert a.client().store("k", "v").startswith("SERVER_ERROR")
    lab.linked(a, b)
    code, why = a.ctl("handover")
    assert code == 1 and "is not active" in why, why
    lab.drained(b)
    b.kill()
    lab.until(lambda: a.client().store("k", "v") == "STORED", "a takes writes without its peer")
    return text.splitlines()[-1]


def case_handover_without_peer(lab):
    """Without a peer, or with a stuck one, the node stays active and continues to accept
    writes."""
    a, b = lab.pair("-t", "2")
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    b.pause()
    writer = a.connect()
    assert writer.store("late", "v") == "STORED"
    code, text = a.ctl("handover")
    assert code == 1 and "this node keeps its role" in text, text
    assert a.client().store("k", "w") == "STORED" and a.stat("repl_role") == "active"
    b.cont()
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, ["k", "late"])
    b.kill()
    lab.until(lambda: a.stat("repl_link") == "down", "a notices")
    code, text = a.ctl("handover")
    assert code == 1 and "no peer to hand over to" in text, text


def case_sender_has_gone(lab):
    """A hung node ignores a role request whose sender has gone: the sender has asked
    another node since."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    b.pause()
    with socket.socket(socket.AF_UNIX) as gone:
        gone.connect(b.socket)
        gone.send(b"promote\n")
    b.cont()
    lab.until(lambda: "did not promote: the client that asked for it has disconnected" in b.log(), "b says so")
    assert b.stat("repl_role") == "standby" and a.stat("repl_role") == "active"
