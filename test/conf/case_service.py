"""The units' command lines, run as systemd would, with the values of the example of
/etc/default/mcd. Only addresses, folders and programs are the test's own."""

import os
import re
import shutil
import signal
import socket
import subprocess

from harness import track
from harness.lab import free_port
from harness.report import Skip
from harness.wire import Connection
from unit_files import Installed, command_of, environment_of, tool, words


class Manager:
    """The socket on which services report their state."""

    def __init__(self, lab):
        self.lab, self.path = lab, os.path.join(lab.folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hears(self, word, process):
        self.socket.settimeout(15 * self.lab.build.slowness)
        try:
            said = self.socket.recv(1000).decode()
            while said.startswith("STATUS=") and not word.startswith("STATUS="):
                said = self.socket.recv(1000).decode()
        except socket.timeout:
            said = "nothing (exit code %s)" % process.poll()
        assert said == word, "not %s: %s" % (word, said)


class Machine:
    """One machine with both services of one instance."""

    def __init__(self, lab):
        self.lab, self.port, self.repl_port = lab, free_port(), free_port()
        self.installed, self.manager = Installed(lab), Manager(lab)
        self.run = os.path.join(lab.folder, "run")
        self.folder = os.path.join(self.run, "mcd", str(self.port))
        example = environment_of(self.installed.read("/mcd.default"))
        assert "standby_writes=alone" in example["ENGINE_OPTIONS"].split(";"), example
        self.given = dict(example, PEER="127.0.0.1:%d" % free_port(), LISTEN="127.0.0.1", MEMORY="64",
                          GUARD_OPTIONS="--period 20")
        self.given["ENGINE_OPTIONS"] = example["ENGINE_OPTIONS"].replace(
            "listen=11212", "listen=127.0.0.1:%d;cold_wait=%d" % (
                self.repl_port, 300 * lab.build.slowness))
        assert self.given["ENGINE_OPTIONS"] != example["ENGINE_OPTIONS"], example
        self.given["OPTIONS"] += " -u root" if os.getuid() == 0 else ""
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.manager.socket.close()

    def command(self, unit):
        """The command line of a unit, with the test's programs and folders."""
        text = self.installed.read("/" + unit)
        assert words(text, "EnvironmentFile") == ["-/etc/default/mcd", "-/etc/default/mcd-%i"][
            :2 if "@" in unit else 1]
        environment = {}
        for line in words(text, "Environment"):
            environment.update(pair.split("=", 1) for pair in line.split())
        environment.update(self.given)
        for path in words(text, "RuntimeDirectory")[0].split():
            os.makedirs(os.path.join(self.run, path.replace("%i", str(self.port))), exist_ok=True)
        command = command_of(words(text, "ExecStart")[0], str(self.port), environment)
        command[0] = os.path.join(self.lab.build.folder, os.path.basename(command[0]))
        command = [word.replace("/run/mcd/", self.run + "/mcd/") for word in command]
        if "repl_engine.so" in command:
            command[command.index("repl_engine.so")] = self.lab.build.repl_engine
            command = [word + ";engine=" + self.lab.build.default_engine
                       if word.startswith("peer=") else word for word in command]
        return command

    def start(self, unit, *before):
        log = open(os.path.join(self.lab.folder, unit + ".log"), "ab")
        with log:
            self.processes.append(subprocess.Popen(
                list(before) + self.command(unit), stdout=log, stderr=log, cwd="/",
                env=dict(self.lab.environment, NOTIFY_SOCKET=self.manager.path)))
        return self.processes[-1]

    def stop(self, process):
        process.send_signal(signal.SIGTERM)
        assert process.wait(20 * self.lab.build.slowness) == 0, process.returncode

    def number(self, name):
        return track.number(os.path.join(self.folder, name))


def guard_is_fit(lab, machine):
    lab.until(lambda: machine.number("health") == 0, "the guard finds the node fit")
    assert machine.number("rank") == 0, machine.number("rank")


def case_mcd(lab):
    """mcd is ready when clients can connect, has the example's options, and reports its
    end."""
    with Machine(lab) as machine:
        mcd = machine.start("mcd@.service")
        machine.manager.hears("READY=1", mcd)
        client = Connection(("127.0.0.1", machine.port), 10.0 * lab.build.slowness)
        settings, repl = client.stats("settings"), client.stats("repl")
        assert settings["maxconns"] == "16384", settings  # -c 16384, two words of OPTIONS
        assert settings["num_threads"] == machine.given["THREADS"], settings
        assert repl["repl_peer"] == machine.given["PEER"], repl
        assert client.store("k", "v") == "STORED" and client.stats("repl")["repl_role"] == "active"
        client.close()
        machine.stop(mcd)
        machine.manager.hears("STOPPING=1", mcd)


def case_single(lab):
    """A node without a pair needs no setting at all but its port, and speaks to nobody."""
    with Machine(lab) as machine:
        machine.given = {name: value for name, value in machine.given.items() if name != "PEER"}
        machine.given["PORT"] = str(machine.port)
        mcd = machine.start("mcd.service")
        machine.manager.hears("READY=1", mcd)
        client = Connection(("127.0.0.1", machine.port), 10.0 * lab.build.slowness)
        assert client.store("k", "v") == "STORED"
        assert client.stats()["limit_maxbytes"] == str(64 << 20), client.stats()
        client.close()
        machine.stop(mcd)
        machine.manager.hears("STOPPING=1", mcd)


def case_guard(lab):
    """The guard finds the node, writes the files that keepalived reads, and gives the
    node its role."""
    with Machine(lab) as machine:
        mcd = machine.start("mcd@.service")
        machine.manager.hears("READY=1", mcd)
        guard = machine.start("mcd-guard@.service")
        guard_is_fit(lab, machine)
        with open(os.path.join(machine.run, "mcd", "vrrp.fifo"), "w", encoding="ascii") as fifo:
            fifo.write('INSTANCE "mcd" MASTER 248\n')
        lab.until(lambda: machine.number("rank") == 1, "the node is active")
        machine.stop(mcd)
        lab.until(lambda: machine.number("health") == -254, "the guard notices that the node is gone")
        machine.stop(guard)
        assert machine.number("health") == -254, "the verdict disappeared with the guard"


def case_guard_is_ready(lab):
    """The guard is ready when its files and the FIFO exist, without a node."""
    with Machine(lab) as machine:
        guard = machine.start("mcd-guard@.service")
        machine.manager.hears("READY=1", guard)
        assert machine.number("health") == -254 and machine.number("rank") == 0
        assert os.path.exists(os.path.join(machine.run, "mcd", "vrrp.fifo"))
        machine.stop(guard)


def case_what_cannot_be_is_not_tried_again(lab):
    """After a permanent error systemd does not restart the service; after a port in use
    it does."""
    text_file = os.path.join(lab.folder, "text")
    with open(text_file, "w", encoding="ascii") as file:
        file.write("no FIFO\n")
    bad = [("mcd@.service", {"OPTIONS": "--nonsense"}), ("mcd@.service", {"PEER": ""}),
           ("mcd.service", {"OPTIONS": "--nonsense", "PORT": str(free_port())}), ("mcd@.service", {"ENGINE_OPTIONS": "bogus=1"}),
           ("mcd@.service", {"LISTEN": "127.0.0.1:http"}),
           ("mcd-guard@.service", {"GUARD_OPTIONS": "--nonsense"}),
           ("mcd-guard@.service", {"FIFO": text_file}),
           ("mcd-guard@.service", {"GUARD_OPTIONS": "--dir /nowhere"})]
    with Machine(lab) as machine, socket.socket() as taken:
        good = machine.given
        for unit, given in bad:
            machine.given = dict(good, **given)
            code = machine.start(unit).wait(20 * lab.build.slowness)
            left = words(machine.installed.read("/" + unit), "RestartPreventExitStatus")[0].split()
            assert str(code) in left, "%s %s: %d is not in %s" % (unit, given, code, left)
        machine.given = good
        taken.bind(("127.0.0.1", machine.port))
        taken.listen(1)
        assert machine.start("mcd@.service").wait(20 * lab.build.slowness) == 1


def case_control_socket_is_found(lab):
    """keepalived's configuration, the units and the tool use the same paths."""
    text = Installed(lab).read("/mcd@.service")
    done = tool(lab, lab.build.mcreplctl, "keepalived-conf", "--vip=10.9.0.100/24", "--interface=eth0",
                "--self=10.9.0.1", "--peer=10.9.0.2")
    assert "control=/run/mcd/%i.sock" in text and "-s /run/mcd/11211.sock " in done.stdout
    guard = Installed(lab).read("/mcd-guard@.service")
    command = command_of(words(guard, "ExecStart")[0], "11211", {"FIFO": "/run/mcd/vrrp.fifo"})
    options = dict(zip(command[1:], command[2:]))
    assert "vrrp_notify_fifo %s\n" % options["--fifo"] in done.stdout, options
    assert "file %s/health\n" % options["--dir"] in done.stdout, options


def allowed_calls(lab, unit):
    """The system calls that a unit's filter allows."""
    def members(name):
        found = set()
        for word in tool(lab, "systemd-analyze", "syscall-filter", name).stdout.split("\n"):
            word = word.strip()
            if word.startswith("@") and word != name:
                found |= members(word)
            elif re.fullmatch(r"[a-z0-9_]+", word):
                found.add(word)
        return found
    calls = set()
    for line in words(unit, "SystemCallFilter"):
        named = set().union(*(members(name) for name in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    return calls


def case_calls_are_allowed(lab):
    """From start to end, neither program makes a call that the units' filters refuse."""
    if lab.build.sanitized:
        raise Skip("a sanitizer makes calls of its own")
    if not shutil.which("strace"):
        raise Skip("strace is not installed (./dev deps installs it)")
    units = ("mcd@.service", "mcd-guard@.service")
    with Machine(lab) as machine:
        traces = {unit: os.path.join(lab.folder, unit + ".calls") for unit in units}
        mcd, guard = [machine.start(unit, "strace", "-f", "-qq", "-I2", "-o", traces[unit]) for unit in units]
        guard_is_fit(lab, machine)
        client = Connection(("127.0.0.1", machine.port), 10.0)
        assert client.store("k", "v") == "STORED" and client.stats("repl")
        client.close()
        for process in (guard, mcd):  # they would survive the end of strace
            with open("/proc/%d/task/%d/children" % (process.pid, process.pid), encoding="ascii") as file:
                os.kill(int(file.read()), signal.SIGTERM)
            assert process.wait(20) == 0, process.returncode
        counts = []
        for unit, path in traces.items():
            with open(path, encoding="utf-8", errors="replace") as file:
                used = set(re.findall(r"^\d+ +([a-z0-9_]+)\(", file.read(), re.M))
            refused = used - allowed_calls(lab, machine.installed.read("/" + unit))
            assert used and not refused, "%s: %s" % (unit, sorted(refused) or "no calls were seen")
            counts.append("%s %d" % (unit, len(used)))
    return ", ".join(counts)
