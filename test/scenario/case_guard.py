"""mcreplctl guard: what it tells keepalived, and how it acts on keepalived's
notifications."""

import os
import platform
import signal
import socket
import subprocess
import sys

from guard import Guard
from harness.false_node import FalseNode
from harness.report import Skip

PLACE = "two"


def case_health(lab):
    """Dead, empty, filled, hung, back: keepalived can read each state at once."""
    a, b = lab.add_pair(config="cold_wait=60000")
    with Guard(lab, b) as guard:
        guard.says(-254)
        a.start()
        for number in range(100):
            assert a.client().store("k%d" % number, "v") == "STORED"
        b.start()
        guard.says(0)
        lab.drained(a)
        b.pause()
        guard.says(-254)
        b.cont()
        guard.says(0)
        b.kill()
        guard.says(-254)
        b.start()
        guard.says(0)
        lab.drained(a)
        lab.same(a, b, ["k7"])
    why = guard.log()
    assert "does not answer" in why and ("cannot reach the node" in why or "is dying" in why), why


def case_cold_start(lab):
    """An empty node without a peer is fit after it has waited long enough, not before;
    status gives the same answer."""
    a, _ = lab.add_pair(config="cold_wait=%d" % (2000 * lab.build.slowness))
    a.start()
    with Guard(lab, a) as guard:
        guard.says(0)
        text = guard.log()
        assert text.index("FAULT: standby, started empty") < text.index("no peer to fill it"), text
        code, why = a.ctl("health")
        assert code == 0 and why in text, why
        assert a.stat("repl_fit") == "1" and a.stat("repl_health") == why.replace(" ", "_")


def case_status_line(lab):
    """What `systemctl status` shows of the guard follows the node's role, not only its health."""
    a, b = lab.pair()
    path = os.path.join(lab.folder, "manager")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, \
            Guard(lab, a, manager=path_bound(manager, path)) as guard:
        manager.settimeout(20 * lab.build.slowness)

        def is_told(words):
            return manager.recv(1000).decode().startswith("STATUS=" + words)
        lab.until(lambda: is_told("fit to hold the address: standby"), "the guard says standby")
        assert a.client().store("k", "v") == "STORED"
        lab.until(lambda: is_told("fit to hold the address: active"), "the guard says active")
        assert guard.log().count("fit to hold the address") == 1, guard.log()
        b.kill()
        lab.until(lambda: is_told("fit to hold the address: active, term 1, without a peer"), "it says alone")


def path_bound(listener, path):
    listener.bind(path)
    return path


def case_roles(lab):
    """MASTER promotes, every other state demotes, in the order of the notifications. The
    rank tells which node was active last."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, a) as of_a, Guard(lab, b) as of_b:
        of_a.says(0)
        of_b.says(0)
        lab.until(lambda: (of_a.number("rank"), of_b.number("rank")) == (1, 0), "the ranks are told")
        of_b.tell("MASTER")
        lab.until(lambda: b.stat("repl_role") == "active" and a.stat("repl_role") == "standby",
                  "b is active")
        of_a.tell("BACKUP")
        lab.linked(a, b)
        lab.until(lambda: (of_a.number("rank"), of_b.number("rank")) == (0, 1), "the ranks change")
        for state in ("FAULT", "MASTER", "STOP", "MASTER", "BACKUP", "MASTER"):
            of_b.tell(state)
            role = "active" if state == "MASTER" else "standby"
            lab.until(lambda role=role: b.stat("repl_role") == role, "%s makes it %s" % (state, role))
        of_b.tell("nonsense", "x" * 2000)
        of_b.tell("BACKUP")
        lab.until(lambda: b.stat("repl_role") == "standby", "nonsense does not stop it")


def case_stale_notifications(lab):
    """Of the notifications that have piled up, only the newest is carried out, and in one go: the
    others are about where the address no longer is."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    term = int(b.stat("repl_term"))
    with Guard(lab, b) as guard:
        guard.says(0)
        guard.process.send_signal(signal.SIGSTOP)
        guard.tell(*["MASTER", "BACKUP"] * 30, "MASTER", "FAULT")
        guard.process.send_signal(signal.SIGCONT)
        lab.until(lambda: "mcd is FAULT" in guard.log(), "the guard has heard all of them")
        lab.until(lambda: "demote: " in guard.log(), "it acts on the last one")
        assert "promote: " not in guard.log(), guard.log()[:1500]
        guard.tell("MASTER")
        lab.until(lambda: b.stat("repl_role") == "active", "it acts on the next one")
        assert int(b.stat("repl_term")) == term + 1, "b was promoted in between"


def case_handed_over(lab):
    """A node that hands its role over is no longer fit, so that the address moves."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, a) as of_a, Guard(lab, b) as of_b:
        of_a.says(0)
        assert a.ctl("handover")[0] == 0
        of_a.says(-254)
        of_b.says(0)


def case_filler_dies(lab):
    """The peer of a half-filled standby dies: the standby is all that is left, so it is
    fit at once."""
    a, b = lab.add_pair("-m", "256", proxied=True, config="cold_wait=60000")
    a.start()
    lab.run_load(a, "--fill", 20000, "--size", 1000)
    for proxy in lab.proxies:
        proxy.quota = 5000000
    with Guard(lab, b) as guard:
        b.start()
        lab.until(lambda: any(proxy.frozen for proxy in lab.proxies), "the copy is in its middle")
        guard.says(-254)
        a.kill()
        assert int(b.stat("curr_items")) > 1000 and int(b.stat("repl_missing_buckets")) > 0
        guard.says(0)
        assert "without the peer that could fill it" in guard.log(), guard.log()


def case_restart(lab):
    """The files of a guard stay valid until the next guard has heard from the node."""
    a, _ = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    with Guard(lab, a) as guard:
        guard.says(0)
    assert guard.number("health") == 0, "its end moves no address"
    before = os.stat(os.path.join(guard.folder, "health")).st_mtime_ns
    with Guard(lab, a) as guard:
        lab.until(lambda: guard.log().count("fit to hold") == 2, "it has looked")
        assert "FAULT" not in guard.log(), guard.log()
        assert os.stat(os.path.join(guard.folder, "health")).st_mtime_ns > before
    a.kill()
    with Guard(lab, a) as guard:
        guard.says(-254)


def case_hung_node(lab):
    """A hung node does not get a role that was meant for it earlier when it wakes up."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, b) as guard:
        guard.says(0)
        b.pause()
        guard.tell("MASTER")
        guard.says(-254)
        guard.tell("FAULT")
        lab.until(lambda: "mcd is FAULT" in guard.log(), "the guard has heard it")
        b.cont()
        guard.says(0)
        assert b.stat("repl_role") == "standby" and a.stat("repl_role") == "active"


STAND_IN = """
import ctypes, socket, sys, threading
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
is_dying = threading.Event()
def serve():
    while True:
        connection, _ = listener.accept()
        for _ in connection.makefile("rb"):
            for piece in sys.argv[3].split(","):
                is_dying.wait(0.03)
                if is_dying.is_set():
                    threading.Event().wait()
                connection.sendall(piece.encode())
            connection.sendall(b"\\n")
threading.Thread(target=serve, daemon=True).start()
print("listens", flush=True)
sys.stdin.readline()
is_dying.set()
ctypes.CDLL(None).syscall(ctypes.c_long(int(sys.argv[2])), 0)
"""
EXIT = {"x86_64": "60", "aarch64": "93"}  # the number of the system call


class StandIn:
    """A process that says in pieces, with pauses, that it is well. It dies on demand, and
    then only its first thread."""

    def __init__(self, lab, *pieces):
        if platform.machine() not in EXIT:
            raise Skip("the number of the system call exit is not known for this machine")
        self.name, self.socket = "stand-in", os.path.join(lab.folder, "stand-in.sock")
        self.process = subprocess.Popen(
            [sys.executable, "-c", STAND_IN, self.socket, EXIT[platform.machine()], ",".join(pieces)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"listens\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def die(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()


def case_dying_node(lab):
    """The sockets of a killed process with much memory stay open for seconds while the
    kernel frees the memory. A process whose first thread has ended behaves the same."""
    with StandIn(lab, "OK it is well") as node, Guard(lab, node, "-t", "60000") as guard:
        guard.says(0)
        node.die()
        guard.says(-254)
        assert "is dying" in guard.log(), guard.log()


def case_answer_in_pieces(lab):
    """An answer counts when its line is complete, even if the guard checks the process in
    between."""
    with StandIn(lab, "OK", " it is", " well") as node, Guard(lab, node, "-t", "60000") as guard:
        guard.says(0)
        node.die()
        guard.says(-254)
        assert "fit to hold the address: it is well\n" in guard.log(), guard.log()
        assert guard.log().count("FAULT") == 1, guard.log()


def case_connection_lost(lab):
    """A lost connection, for example for lack of memory, is not a death: a node that
    answers on the next one is fit. A node that answers on none is not."""
    node = FalseNode(lab, "forgetful", b"OK it is well\n", answers=5)
    with Guard(lab, node) as guard:
        guard.says(0)
        lab.until(lambda: node.ended > 5, "some connections have ended")
        assert "FAULT" not in guard.log(), guard.log()
        node.answers = 0
        guard.says(-254)
        node.answers = 5
        guard.says(0)
        node.close()
        guard.says(-254)


def case_words_that_are_no_state(lab):
    """A master that hears of a lower one stays master; priorities have no meaning
    here."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, b) as guard:
        guard.says(0)
        guard.tell("MASTER")
        lab.until(lambda: guard.log().count("promote: ") == 1, "the first is done")
        guard.tell("MASTER_RX_LOWER_PRI", "MASTER_PRIORITY", "BACKUP_PRIORITY")
        lab.until(lambda: guard.log().count("promote: ") == 2, "both are done")
        lab.until(lambda: "BACKUP_PRIORITY" in guard.log(), "all are heard")
        lab.until(lambda: guard.number("rank") == 1, "the rank is told")
        assert b.stat("repl_role") == "active" and "demote" not in guard.log(), guard.log()


def case_busy_node(lab):
    """A node that is slow but working is not considered hung, at least not
    immediately."""
    if lab.build.sanitized:
        raise Skip("a sanitizer makes it slower than any busy machine")
    a, _ = lab.pair("-t", "2")
    assert a.client().store("k", "v") == "STORED"
    with Guard(lab, a) as guard:
        guard.says(0)
        spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(6)]
        try:
            lab.run_load(a, "--fill", 200000, "--pipeline", 32)
        finally:
            for spinner in spinners:
                spinner.kill()
                spinner.wait()
        assert "FAULT" not in guard.log().split("fit to hold")[1], guard.log()


def case_demotion_loses_nothing(lab):
    """An active node that is told to become a standby hands its role over, if it can."""
    a, b = lab.pair(config="standby_writes=alone")
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, a) as guard:
        guard.says(0)
        for number in range(100):
            a.client().store("k%d" % number, "v")
        links = a.stat("repl_reconnects")  # two, if the nodes' first dials crossed
        guard.tell("BACKUP")
        lab.until(lambda: a.stat("repl_role") == "standby", "a is standby")
        assert b.stat("repl_role") == "active" or "handover failed" in a.log(), "b has not taken the role"
        assert a.stat("repl_reconnects") == links or "handover failed" in a.log(), \
            "the link was closed: " + a.log()
        guard.says(0)
        assert b.client().store("k", "w") == "STORED"
    lab.drained(b)
    lab.same(a, b, ["k"] + ["k%d" % number for number in range(100)])


def silence(lab, node, pings):
    """Waits until the node has sent that many pings and heard nothing meanwhile."""
    sent = {}
    def is_silent():
        stats = node.stats("repl")
        counts = sent.setdefault(stats["repl_bytes_in"], set())
        counts.add(stats["repl_bytes_out"])
        return len(counts) > pings
    lab.until(is_silent, "%s has heard nothing for %d pings" % (node.name, pings))


def case_demotion_over_a_silent_link(lab):
    """If nobody can take the role over, the node steps down and reconnects at once."""
    a, b = lab.pair(config="standby_writes=alone;heartbeat=100;timeout=60000", proxied=True)
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    for proxy in lab.proxies:
        proxy.freeze()
    with Guard(lab, a) as guard:
        assert a.client().store("k", "w") == "STORED"
        silence(lab, a, pings=5)
        guard.tell("BACKUP")
        lab.until(lambda: a.stat("repl_role") == "standby", "a is standby")
        assert "the link is stuck" in a.log() and "handing the role over" not in a.log(), a.log()
    for proxy in lab.proxies:
        proxy.heal()
    lab.linked(a, b)
    lab.same(a, b, ["k"])


def case_wrong_folder(lab):
    """A wrong folder is reported at the start, not when it is needed."""
    a, _ = lab.add_pair()
    done = subprocess.run([lab.build.mcreplctl, "-s", a.socket, "guard", "--dir", lab.folder + "/none"],
                          stderr=subprocess.PIPE, timeout=10 * lab.build.slowness, check=False,
                          env=lab.environment)
    assert done.returncode == 78 and b"make the folder" in done.stderr, done


def case_files_that_cannot_be_written(lab):
    """An unwritable file is reported once, not at every check, and written as soon as
    possible."""
    a, _ = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    with Guard(lab, a) as guard:
        guard.says(0)
        moved = guard.folder + "-moved"
        os.rename(guard.folder, moved)
        guard.log_path = os.path.join(moved, "log")
        a.kill()
        lab.until(lambda: "cannot write" in guard.log(), "the guard says so")
        a.start()
        lab.until(lambda: "active" in a.ctl("promote")[1], "the node is back")
        a.kill()
        os.rename(moved, guard.folder)
        guard.log_path = os.path.join(guard.folder, "log")
        guard.says(-254)
        assert guard.log().count("cannot write") <= 2, guard.log()
        assert guard.log().count("FAULT: ") <= 3, guard.log()


def case_files_and_links(lab):
    """A file or link at the guard's path is replaced, not followed; a link to a FIFO is
    refused."""
    a, _ = lab.pair()
    precious, folder = os.path.join(lab.folder, "precious"), os.path.join(lab.folder, "guard-a")
    with open(precious, "w", encoding="ascii") as file:
        file.write("5")
    os.makedirs(folder)
    for name in ("health", "health.new", "rank", "rank.new"):
        os.symlink(precious, os.path.join(folder, name))
    with Guard(lab, a) as guard:
        guard.says(0)
        assert "health is -254 and rank 0" in guard.log(), guard.log()
    with open(precious, encoding="ascii") as file:
        assert file.read() == "5", "a link was followed"
    os.rename(guard.fifo, guard.fifo + ".of-another")
    os.symlink(guard.fifo + ".of-another", guard.fifo)
    done = subprocess.run([lab.build.mcreplctl, "-s", a.socket, "guard", "--dir", folder, "--fifo",
                           guard.fifo], stderr=subprocess.PIPE, timeout=10 * lab.build.slowness,
                          check=False, env=lab.environment)
    assert done.returncode == 78 and b"is not a FIFO" in done.stderr, done


def case_control_bytes(lab):
    """The log shows input from the FIFO as printable text only."""
    a, _ = lab.pair()
    with Guard(lab, a) as guard:
        guard.says(0)
        with open(guard.fifo, "wb") as fifo:
            fifo.write(b'INSTANCE "m\x1b[2J" MAS\x07TER 200\n')
        lab.until(lambda: "keepalived: m?[2J is MAS?TER" in guard.log(), "the guard has heard it")


def case_wrong_fifo(lab):
    """The guard does not replace a file that is not a FIFO."""
    a, _ = lab.add_pair()
    path = os.path.join(lab.folder, "precious")
    with open(path, "w", encoding="ascii") as file:
        file.write("data")
    done = subprocess.run([lab.build.mcreplctl, "-s", a.socket, "guard", "--dir", lab.folder, "--fifo", path],
                          stderr=subprocess.PIPE, timeout=10 * lab.build.slowness, check=False,
                          env=lab.environment)
    assert done.returncode == 78 and b"is not a FIFO" in done.stderr, done
    with open(path, encoding="ascii") as file:
        assert file.read() == "data"
