"""mcreplctl guard: what it tells keepalived, and what it makes of what keepalived tells."""

import os
import signal
import subprocess

PLACE = "two"


class Guard:
    def __init__(self, lab, node, *options):
        self.lab, self.folder = lab, os.path.join(lab.folder, "guard-" + node.name)
        os.makedirs(self.folder, exist_ok=True)
        self.fifo, self.log_path = os.path.join(self.folder, "fifo"), os.path.join(self.folder, "log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [lab.build.mcreplctl, "-s", node.socket, "-t", str(int(200 * lab.build.slowness)), "guard",
                 "--dir", self.folder, "--fifo", self.fifo] + list(options), stderr=log,
                env=lab.environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10 * self.lab.build.slowness)
        assert code == 0, "the guard ended with %d: %s" % (code, self.log())
        assert self.number("health") == -254, "it has ended, and keepalived may go on"

    def number(self, name):
        try:
            with open(os.path.join(self.folder, name), encoding="ascii") as file:
                return int(file.read())
        except FileNotFoundError:
            return None

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def says(self, health):
        self.lab.until(lambda: self.number("health") == health, "health becomes %d" % health)

    def tell(self, *states):
        with open(self.fifo, "w", encoding="ascii") as fifo:
            for state in states:
                fifo.write('INSTANCE "mcd" %s 200\n' % state)


def case_health(lab):
    """Dead, empty, filled, hung, back: keepalived reads it at once."""
    a, b = lab.add_pair()
    with Guard(lab, b, "--cold", "60000") as guard:
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
    assert "does not answer" in guard.log() and "closed the connection" in guard.log(), guard.log()


def case_cold_start(lab):
    """An empty node without a peer is fit when it has waited long enough, not before."""
    a, _ = lab.add_pair()
    a.start()
    with Guard(lab, a, "--cold", str(int(300 * lab.build.slowness))) as guard:
        guard.says(0)
        text = guard.log()
        assert text.index("FAULT: standby, started empty") < text.index("no peer has come"), text


def case_roles(lab):
    """MASTER promotes, all else demotes, in the order in which it was told; the rank tells
    who was active last."""
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
        of_b.tell("BACKUP", "MASTER", "BACKUP", "FAULT", "MASTER")
        lab.until(lambda: of_b.log().count("keepalived: mcd is") == 6, "all of them are heard")
        assert b.stat("repl_role") == "active"
        of_b.tell("nonsense", "x" * 2000)
        of_b.tell("BACKUP")
        lab.until(lambda: b.stat("repl_role") == "standby", "nonsense does not stop it")


def case_handed_over(lab):
    """Who hands its role over is not fit any more, so that the address moves."""
    a, b = lab.pair()
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    with Guard(lab, a) as of_a, Guard(lab, b) as of_b:
        of_a.says(0)
        assert a.ctl("handover")[0] == 0
        of_a.says(-254)
        of_b.says(0)


def case_wrong_fifo(lab):
    """Not over a file that is something else."""
    a, _ = lab.add_pair()
    path = os.path.join(lab.folder, "precious")
    with open(path, "w", encoding="ascii") as file:
        file.write("data")
    done = subprocess.run([lab.build.mcreplctl, "-s", a.socket, "guard", "--dir", lab.folder, "--fifo", path],
                          stderr=subprocess.PIPE, timeout=10 * lab.build.slowness, check=False,
                          env=lab.environment)
    assert done.returncode == 1 and b"is no FIFO" in done.stderr, done
    with open(path, encoding="ascii") as file:
        assert file.read() == "data"
