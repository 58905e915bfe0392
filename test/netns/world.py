"""A world: two nodes with keepalived, mcd and guard each, clients, and the network.

Tests poll for their questions with a deadline. All processes are ours, and are ended by
their ids; everything is gone when the world closes.
"""

import json
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import threading
import time

from harness import track
from harness.lab import TROUBLE
from harness.report import Failed, Skip
from harness.secrecy import Secrecy
from harness.wire import Connection

import keepalived
import net
from service import Service, Supervisor
from witness import Witness

WORLDS = []  # open ones; a signal closes them
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_by_signal(number, _):
    """An interrupted run leaves nothing behind: the worlds close on the way out."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)


def close_all():
    """Closes what is still open at the end, even if it was interrupted while it
    closed."""
    for world in list(WORLDS):
        world.close()


def heed_signals():
    for number in SIGNALS:
        signal.signal(number, end_by_signal)


class Node:
    """One of the two. Each has its own folder: /run is the same in all namespaces."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.address = world.network.addresses[name]
        self.folder = os.path.join(world.folder, name)
        os.mkdir(self.folder, 0o755)
        self.socket = self.path("mcd.sock")
        self.mcd = self.service("mcd", self.mcd_command())
        self.guard = self.service("guard", self.guard_command())
        self.keepalived = self.service(
            "keepalived", self.keepalived_command(), self.before_keepalived, forks=True)
        self.services = [self.guard, self.keepalived, self.mcd]

    def path(self, name):
        return os.path.join(self.folder, name)

    def service(self, name, command, prepare=None, forks=False):
        service = Service("%s of %s" % (name, self.name),
                          self.world.network.inside(self.name, *command),
                          self.path(name + ".log"), prepare, self.world.environment, forks)
        self.world.supervisor.services.append(service)
        return service

    def mcd_command(self):
        words = ["engine=" + self.world.build.default_engine, "control=" + self.socket,
                 "peer=" + self.peer_address, "listen=11212", "standby_writes=alone"]
        words += self.world.secrecy.words()
        words += [self.world.engine_options] if self.world.engine_options else []
        words += ["cold_wait=%d" % self.world.cold_ms] if self.world.cold_ms else []
        return [self.world.build.mcd, "-u", "root", "-p", "11211", "-m", str(self.world.memory),
                "-E", self.world.build.repl_engine, "-e", ";".join(words)]

    @property
    def peer_address(self):
        return self.world.network.addresses["b" if self.name == "a" else "a"]

    def guard_command(self, socket=None, fifo=None):
        """With a higher priority than other processes, as in its unit."""
        return ["nice", "-n", "-10", self.world.build.mcreplctl, "-s", socket or self.socket,
                "guard", "--dir", self.folder, "--fifo", fifo or self.path("vrrp.fifo")]

    def keepalived_command(self):
        """Does not log to syslog: if nobody listens there, each line goes to the
        machine's console, and a serial console takes milliseconds for it."""
        return ["keepalived", "--dont-fork", "--no-syslog", "--log-console", "--log-detail", "--vrrp",
                "-f", self.path("keepalived.conf"), "-p", self.path("keepalived.pid"),
                "-r", self.path("vrrp.pid"), "-c", self.path("checkers.pid")]

    def before_keepalived(self):
        """As its unit does: a stale pid file would prevent its start."""
        for name in ("keepalived.pid", "vrrp.pid", "checkers.pid"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        with open(self.path("keepalived.conf"), "w", encoding="ascii") as file:
            file.write(keepalived.configuration(
                self.world.build.mcreplctl, self.path("extra") if self.world.extra else None,
                vip=self.world.network.vip + "/24", interface="eth0", self=self.address,
                peer=self.peer_address, dir=self.folder, fifo=self.path("vrrp.fifo"),
                socket=self.socket, **self.world.vrrp))
        if self.world.has_rule:
            net.tool(*self.world.network.inside(self.name, "nft", "-f", "-"),
                     text=keepalived.rule(self.world.network.vip))

    def write_extra(self, number):
        """The test's own contribution to the priority."""
        with open(self.path("extra.new"), "w", encoding="ascii") as file:
            file.write("%d\n" % number)
        os.rename(self.path("extra.new"), self.path("extra"))

    def start(self):
        """Starts the guard first: keepalived needs its files."""
        if self.world.extra:
            self.write_extra(0)
        self.guard.start()
        self.world.until(lambda: os.path.exists(self.path("health")) and self.has_fifo(),
                         "the guard of %s has made its files" % self.name)
        self.mcd.start()
        self.keepalived.start()

    def has_fifo(self):
        path = self.path("vrrp.fifo")
        return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)

    # ---- queries

    def ctl(self, *words, timeout_ms=2000):
        done = subprocess.run(
            [self.world.build.mcreplctl, "-s", self.socket, "-t", str(timeout_ms)] + list(words),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=90,
            env=self.world.environment)
        return done.returncode, done.stdout.decode(errors="replace").strip()

    def status(self):
        """The node's status; empty if it does not answer."""
        code, text = self.ctl("status", "--json", timeout_ms=300)
        try:
            found = json.loads(text) if code == 0 else {}
        except ValueError:
            return {}
        return {name[len("repl_"):]: value for name, value in found.items()}

    def figure(self, name):
        """One figure of the status; waits until the node answers."""
        return self.world.until(self.status, "%s answers status" % self.name)[name]

    def number(self, name):
        return track.number(self.path(name))

    def has_vip(self):
        return self.world.network.has_vip(self.name)

    def connect(self, place="c"):
        """A test's own connection to this node's own address."""
        return self.world.network.enter(place, Connection, (self.address, 11211), 5.0)

    def describe(self):
        status = self.status()
        return "%s: %s, link %s, in sync %s, at risk %s, term %s, health %s, rank %s%s" % (
            self.name, status.get("role", "no answer"), status.get("link"), status.get("in_sync"),
            status.get("at_risk"), status.get("term"), self.number("health"), self.number("rank"),
            ", has the address" if self.has_vip() else "")


class World:
    def __init__(self, build, cold_ms=None, extra=False, engine_options="", memory=256,
                 make_network=net.Network, has_rule=True, **vrrp):
        """vrrp: options of keepalived-conf, such as advert=50 (ms),
        profile="conservative". memory: of each mcd, in MB. make_network: must have at
        least the places a and b, for the nodes. has_rule: a firewall rule refuses clients
        on the node without the address."""
        self.build, self.vrrp, self.cold_ms, self.extra = build, vrrp, cold_ms, extra
        self.engine_options, self.memory, self.has_rule = engine_options, memory, has_rule
        self.client_program = os.path.join(build.folder, "test", "netns", "client")
        self.environment = dict(os.environ)
        self.environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        self.closing = threading.Lock()
        self.is_closed = False
        self.witnesses = []
        WORLDS.append(self)
        self.folder = tempfile.mkdtemp(prefix=net.folder_prefix())
        os.chmod(self.folder, 0o755)
        self.secrecy = Secrecy(self.folder)
        self.supervisor = Supervisor()
        self.network = None
        try:
            self.network = make_network()
            self.a, self.b = Node(self, "a"), Node(self, "b")
        except BaseException:
            self.close()
            raise

    nodes = property(lambda self: (self.a, self.b))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        text = ""
        failed = kind is not None and issubclass(kind, Exception) and not issubclass(kind, Skip)
        if failed and not self.is_closed:
            text = self.keep_logs(error)
        trouble = self.close()
        if text or (trouble and kind is None):
            raise Failed("; ".join(part for part in (str(error or ""), trouble, text) if part)) from error
        return False

    def keep_logs(self, error):
        """Keeps the logs of a failure, with the state of the nodes."""
        folder = tempfile.mkdtemp(prefix="mcd-netns-failed-")
        state = "; ".join(node.describe() for node in self.nodes)
        for node in self.nodes:
            for service in node.services:
                name = os.path.basename(service.log_path)
                if os.path.exists(service.log_path):
                    shutil.copy(service.log_path, os.path.join(folder, node.name + "-" + name))
        with open(os.path.join(folder, "what"), "w", encoding="utf-8") as file:
            file.write("%r\n%s\n" % (error, state))
        return "%s; logs in %s" % (state, folder)

    def close(self):
        """Ends everything; returns the problems as text."""
        with self.closing:
            if self not in WORLDS:
                return ""
            self.is_closed = True  # threads that still wait for something give up
            trouble = []
            self.supervisor.close()
            for witness in self.witnesses:
                witness.close()
            for service in self.supervisor.services:
                try:
                    code = service.stop()
                    if code not in (None, 0):
                        trouble.append("%s ended with %d" % (service.name, code))
                except Failed as error:
                    trouble.append(str(error))
                found = [line for line in service.log().splitlines() if TROUBLE.search(line)]
                trouble += ["%s: %s" % (service.name, line.strip()) for line in found[:1]]
            if self.network:
                self.network.close()
            shutil.rmtree(self.folder, ignore_errors=True)
            WORLDS.remove(self)
            return "; ".join(trouble)

    def until(self, question, what, seconds=15.0, pause=0.02):
        """Polls until the answer is true, and returns it."""
        deadline = time.monotonic() + seconds * self.build.slowness
        while True:
            answer = question()
            if answer:
                return answer
            if self.is_closed:
                raise Failed("the world was closed")
            if time.monotonic() > deadline:
                raise Failed("timed out waiting until %s" % what)
            time.sleep(pause)

    # ---- the pair

    def start(self):
        for node in self.nodes:
            node.start()
        return self

    def started(self):
        """A healthy pair with an active node."""
        self.start()
        self.healthy()
        return self

    def other(self, node):
        return self.b if node is self.a else self.a

    def holders(self):
        return [node for node in self.nodes if node.has_vip()]

    def holder(self):
        """The node with the address, if exactly one has it."""
        holders = self.holders()
        return holders[0] if len(holders) == 1 else None

    def active(self):
        """The active node, if there is exactly one."""
        active = [node for node in self.nodes if node.status().get("role") == "active"]
        return active[0] if len(active) == 1 else None

    def well(self):
        """The active node if all is well: it alone has the address, and both are in sync
        and fit."""
        holder = self.holder()
        statuses = [node.status() for node in self.nodes]
        good = (holder is not None and all(statuses)
                and all(status["in_sync"] == 1 and status["link"] == "streaming"
                        for status in statuses)
                and [status["role"] == "active" for status in statuses]
                == [node is holder for node in self.nodes]
                and all(node.number("health") == 0 for node in self.nodes)
                and all(service.process for node in self.nodes for service in node.services
                        if service.is_wanted))
        return holder if good else None

    def healthy(self, seconds=20.0):
        """Waits until all is well; returns the active node."""
        try:
            return self.until(
                self.well, "the pair is well: one address, one active, both in sync", seconds)
        except Failed as error:
            raise Failed("%s (%s)" % (error, "; ".join(node.describe() for node in self.nodes))) from None

    def client(self, place="c", **options):
        witness = Witness(self, place, **options)
        self.witnesses.append(witness)
        return witness

    def same(self, witness):
        """Waits until both nodes hold the same of the client's keys; returns it."""
        witness.pause()
        def equal():
            reads = [witness.read(node.address) for node in self.nodes]
            good = reads[0]["digest"] == reads[1]["digest"] and not any(
                read["unread"] for read in reads)
            return reads if good else None
        try:
            return self.until(equal, "both nodes hold the same", 5.0)[0]
        except Failed as error:
            raise Failed("%s: %s" % (error, "; ".join(
                "%s %s" % (node.name, {key: value for key, value in
                                       witness.read(node.address).items() if value})
                for node in self.nodes))) from None
