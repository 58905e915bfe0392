"""Machines for the run book: namespaces give each its own network, processes, /etc, /run
and /usr/local, and nothing of them outlives its holder."""

import os
import shutil
import subprocess
import tempfile
import time

from harness.report import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
SET_UP = """
mount --make-rprivate /
mount -t tmpfs tmpfs /usr/local
mkdir "$MACHINE/etc" && cp -a /etc/. "$MACHINE/etc/" && mount --bind "$MACHINE/etc" /etc
rm -rf /etc/default/mcd* /etc/keepalived /etc/systemd/system/keepalived.service.d && mkdir -p /etc/default /etc/keepalived
mount -t tmpfs tmpfs /run
ip link set lo up
: >"$MACHINE/up"
exec sleep infinity
"""


class Machine:
    def __init__(self, folder, name, source):
        self.name, self.folder, self.source = name, os.path.join(folder, name), source
        os.mkdir(self.folder, 0o755)
        self.environment = {**os.environ, "MACHINE": self.folder, "PATH": os.path.join(
            HERE, "stand-in") + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR"):
            self.environment.pop(name, None)
        self.log = open(os.path.join(self.folder, "holder.log"), "wb")
        self.holder = subprocess.Popen(
            ["unshare", "-n", "-m", "-u", "-i", "-p", "--fork", "--kill-child", "--mount-proc",
             "sh", "-ec", SET_UP], env=self.environment, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        self.pid = None

    def wait(self):
        deadline = time.monotonic() + 20
        while not os.path.exists(os.path.join(self.folder, "up")):
            if self.holder.poll() is not None or time.monotonic() > deadline:
                with open(self.log.name, encoding="utf-8", errors="replace") as log:
                    raise Failed("no namespaces for %s: %s" % (self.name, log.read().strip()))
            time.sleep(0.01)
        path = "/proc/%d/task/%d/children" % (self.holder.pid, self.holder.pid)
        with open(path, encoding="ascii") as file:
            self.pid = int(file.read().split()[0])

    def enter(self, text):
        """The command line that runs a block of shell here."""
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-u", "-i", "-p", "--wd=" + self.source,
                "sh", "-ec", text]

    def run(self, text, timeout=60):
        """Runs a block of shell; returns its exit code and output."""
        try:
            done = subprocess.run(
                self.enter(text), env=self.environment, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            return 124, (error.stdout or b"").decode(errors="replace")
        return done.returncode, done.stdout.decode(errors="replace")

    def logs(self):
        text = ""
        for name in sorted(os.listdir(self.folder)):
            if name.endswith(".log"):
                with open(os.path.join(self.folder, name), encoding="utf-8", errors="replace") as file:
                    text += "---- %s, %s\n%s" % (self.name, name, file.read()[-3000:])
        return text

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.log.close()


class Machines:
    """A, B and a client, connected to one switch."""

    ADDRESSES = {"A": "10.0.0.1/24", "B": "10.0.0.2/24", "client": "10.0.0.9/24"}

    def __init__(self, source):
        self.folder = tempfile.mkdtemp(prefix="mcd-runbook-")
        os.chmod(self.folder, 0o755)
        self.all = []
        try:
            names = ["switch"] + list(self.ADDRESSES)
            self.all = [Machine(self.folder, name, source) for name in names]
            for machine in self.all:
                machine.wait()
            self.wire()
        except BaseException:
            self.close()
            raise

    def __getitem__(self, name):
        return next(machine for machine in self.all if machine.name == name)

    def wire(self):
        commands = ["ip link add br0 type bridge forward_delay 0", "ip link set br0 up"]
        for number, name in enumerate(self.ADDRESSES):
            commands += ["ip link add p%d type veth peer name eth0 netns m%d" % (number, number),
                         "ip link set p%d master br0 up" % number]
        text = "\n".join(commands)
        # ip(8) needs process ids as seen from outside.
        for number, name in enumerate(self.ADDRESSES):
            text = text.replace("netns m%d" % number, "netns %d" % self[name].pid)
        done = subprocess.run(["nsenter", "-t", str(self["switch"].pid), "-n", "sh", "-ec", text],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise Failed("the network: %s" % done.stdout.decode())
        for name, address in self.ADDRESSES.items():
            code, said = self[name].run("ip addr add %s dev eth0; ip link set eth0 up" % address)
            if code:
                raise Failed("the network of %s: %s" % (name, said))

    def close(self):
        for machine in self.all:
            machine.close()
        shutil.rmtree(self.folder, ignore_errors=True)
