"""A lab: the processes of one case, their files and ports, and their cleanup.

Every node listens on loopback only and is ended by its own pid. At the end its log is
read: a sanitizer's report or a crash fails the case that caused it.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .proxy import Proxy
from .report import Failed
from .secrecy import Secrecy
from .wire import Closed, Connection, Timeout

TROUBLE = re.compile(r"(AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|"
                     r"MemorySanitizer|CHECK failed|Assertion)")


LEASES = []  # sockets; each reserves a port against other tests until this process ends


def lease(port):
    """True if no other test, in this process or another one, has the port. The lease is
    the name of an abstract UNIX socket: the kernel frees it, however this process
    ends."""
    holder = socket.socket(socket.AF_UNIX)
    try:
        holder.bind("\0mcd-test-port-%d" % port)
    except OSError:
        holder.close()
        return False
    LEASES.append(holder)
    return True


def free_port():
    """A port that nobody uses, below the kernel's range of client ports. No other test
    gets it, so it is free whenever the node binds it."""
    for _ in range(1000):
        port = random.randint(15000, 31999)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if lease(port):
            return port
    raise Failed("no free port between 15000 and 32000")


class Build:
    """A build tree: the paths of its programs, and whether a sanitizer slows them
    down."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        self.mcd = os.path.join(self.folder, "mcd")
        self.load = os.path.join(self.folder, "bench", "load")
        self.mcreplctl = os.path.join(self.folder, "mcreplctl")
        self.default_engine = os.path.join(self.folder, ".libs", "default_engine.so")
        self.foreign_engine = os.path.join(self.folder, ".libs", "foreign_engine.so")
        self.repl_engine = os.path.join(self.folder, ".libs", "repl_engine.so")
        self.sanitized = False
        config = os.path.join(self.folder, "config.h")
        if os.path.exists(config):
            with open(config, encoding="utf-8") as file:
                self.sanitized = "#define UNDER_SANITIZER 1" in file.read()

    def missing(self):
        wanted = (self.mcd, self.default_engine, self.repl_engine)
        return [path for path in wanted if not os.path.exists(path)]

    @property
    def slowness(self):
        """The factor by which deadlines are longer than for a plain build."""
        return 5.0 if self.sanitized else 1.0


class Node:
    """One server process. It keeps its port when it restarts."""

    def __init__(self, lab, name, command, port):
        self.lab, self.name, self.command, self.port = lab, name, command, port
        self.address = ("127.0.0.1", port)
        self.process = None
        self.tls = None  # the ssl.SSLContext of its clients
        self.environment = lab.environment
        self.log_path = os.path.join(lab.folder, name + ".log")
        self.control = None
        self.starts = 0

    def start(self, *more):
        """Starts the process and waits until it accepts connections."""
        self.launch(*more)
        self.lab.until(self.answers, "%s accepts connections on port %d" % (self.name, self.port))
        return self

    def launch(self, *more):
        """Starts the process without waiting."""
        if self.process:
            raise Failed("%s runs already" % self.name)
        self.starts += 1
        if os.environ.get("MCD_IO_URING") and self.lab.build.mcd in self.command:
            more += ("--io-uring",)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command + list(more), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=self.environment, cwd=self.lab.folder)

    def answers(self):
        code = self.process.poll()
        if code is not None:
            raise Failed("%s ended with %d: %s" % (self.name, code, self.last_words()))
        return self.is_open()

    def is_open(self):
        try:
            Connection(self.address, 1.0).close()
            return True
        except OSError:
            return False

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def last_words(self, count=4):
        return " / ".join(self.log().strip().splitlines()[-count:]) or "(empty log)"

    # ---- start and end

    def signal(self, number):
        if self.process:
            os.kill(self.process.pid, number)

    def pause(self):
        """Stops all its threads before it returns."""
        self.signal(signal.SIGSTOP)
        self.lab.until(self.stands_still, "%s is stopped" % self.name)

    def stands_still(self):
        for task in os.listdir("/proc/%d/task" % self.process.pid):
            with open("/proc/%d/task/%s/stat" % (self.process.pid, task), encoding="ascii") as file:
                if file.read().rsplit(")", 1)[1].split()[0] != "T":
                    return False
        return True

    def cont(self):
        self.signal(signal.SIGCONT)

    def memory(self, kind="VmRSS"):
        """KiB in use; VmHWM: the maximum so far."""
        with open("/proc/%d/status" % self.process.pid, encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(kind))

    def kill(self):
        """Kills the process, as a power cut does."""
        self.end(signal.SIGKILL)

    def stop(self):
        """Ends it as an operator does; anything but a clean exit is a failure."""
        code = self.end(signal.SIGTERM)
        if code not in (None, 0):
            raise Failed("%s ended with %d on SIGTERM: %s" % (self.name, code, self.last_words()))

    def end(self, number):
        if not self.process:
            return None
        self.forget()
        code = self.process.poll()
        if code is None:
            self.cont()
            self.signal(number)
            try:
                code = self.process.wait(20 * self.lab.build.slowness)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self.process = None
                raise Failed("%s did not end after signal %d" % (self.name, number)) from None
        elif code != 0:
            self.process = None
            raise Failed("%s had already ended with %d: %s" % (self.name, code, self.last_words()))
        self.process = None
        return code

    def restart(self, *more):
        self.stop()
        return self.start(*more)

    # ---- queries

    def ctl(self, *words):
        """Runs mcreplctl for this node; returns its exit code and its output."""
        done = subprocess.run(
            [self.lab.build.mcreplctl, "-s", self.socket, "-t", str(int(5000 * self.lab.build.slowness))]
            + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            timeout=60 * self.lab.build.slowness, env=self.lab.environment)
        return done.returncode, done.stdout.decode(errors="replace").strip()

    def connect(self, timeout=None):
        return Connection(self.address, timeout or 10.0 * self.lab.build.slowness, self.tls)

    def client(self):
        """A connection for the tests' own queries."""
        if not self.control:
            self.control = self.connect()
        return self.control

    def forget(self):
        if self.control:
            self.control.close()
            self.control = None

    def ask(self, command):
        try:
            return self.client().ask(command)
        except (Closed, Timeout):
            self.forget()
            raise

    def stats(self, group=""):
        try:
            return self.client().stats(group)
        except (Closed, Timeout):
            self.forget()
            raise

    def run_id(self):
        """The run id as bytes; clients cannot read it."""
        return bytes.fromhex(json.loads(self.ctl("status", "--json")[1])["repl_run_id"])

    def stat(self, name):
        groups = ("repl",) if name.startswith("repl_") else ("", "settings")
        for group in groups:
            stats = self.stats(group)
            if name in stats:
                return stats[name]
        raise Failed("%s has no stat %s" % (self.name, name))


class Lab:
    def __init__(self, build, server=None):
        """server: another memcached-compatible program to use instead of mcd."""
        self.build, self.server = build, server
        self.folder = tempfile.mkdtemp(prefix="mcd-test-")
        self.nodes, self.proxies = {}, []
        self.environment = dict(os.environ)
        self.secrecy = Secrecy(self.folder)
        self.environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        self.environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
        self.environment.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        trouble = self.close()
        if trouble and (kind is None or not issubclass(kind, Exception)):
            raise Failed(trouble)
        if trouble:
            raise Failed("%s; %s" % (error, trouble)) from error
        return False

    def close(self):
        """Ends all processes; returns the problems as text."""
        trouble = []
        for node in self.nodes.values():
            try:
                node.stop()
            except Failed as error:
                trouble.append(str(error))
            found = [line for line in node.log().splitlines() if TROUBLE.search(line)]
            if found:
                keep = os.path.join(tempfile.gettempdir(),
                                    "mcd-%s-%d.log" % (node.name, node.port))
                shutil.copy(node.log_path, keep)
                trouble.append("%s: %s (log kept in %s)" % (node.name, found[0].strip(), keep))
        for proxy in self.proxies:
            proxy.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return "; ".join(trouble)

    def until(self, question, what, seconds=15.0):
        """Polls until the question's result is true, and returns it."""
        deadline = time.monotonic() + seconds * self.build.slowness
        pause, last = 0.001, None
        while True:
            try:
                answer = question()
                last = None
            except (Closed, Timeout, ConnectionError) as error:
                answer, last = None, error
                self.check_alive()
            if answer:
                return answer
            if time.monotonic() > deadline:
                raise Failed("timed out waiting until %s%s" % (what, ": %s" % last if last else ""))
            time.sleep(pause)
            pause = min(pause * 1.5, 0.05)

    def check_alive(self):
        """Fails if a node has ended by itself: do not wait for it."""
        for node in self.nodes.values():
            if node.process and node.process.poll() is not None:
                raise Failed("%s ended with %d: %s" % (node.name, node.process.returncode,
                                                       node.last_words()))

    # ---- nodes

    def add(self, name, *options, engine=None, config="", port=None):
        """Adds a node without starting it. engine: None for the server's default."""
        port = port or free_port()
        command = [self.server or self.build.mcd, "-u", "root", "-p", str(port), "-U", "0",
                   "-l", "127.0.0.1"]
        if engine and not self.server:
            command += ["-E", engine]
        if config and not self.server:
            command += ["-e", config]
        self.nodes[name] = Node(self, name, command + list(options), port)
        return self.nodes[name]

    def single(self, *options, name="a", config=""):
        return self.add(name, *options, engine=self.build.default_engine, config=config).start()

    def add_pair(self, *options, config="", proxied=False, names="ab", configs=("", ""), over=None):
        """Adds two nodes that replicate to each other, without starting them. proxied:
        the link runs through a proxy that can cut it. over: another engine to wrap."""
        listen = [free_port(), free_port()]
        peer = [listen[1], listen[0]]
        if proxied:
            self.proxies += [Proxy(port) for port in peer]
            peer = [proxy.port for proxy in self.proxies[-2:]]
        for index, name in enumerate(names):
            words = ["engine=" + (over or self.build.default_engine),
                     "control=" + os.path.join(self.folder, name + ".sock"),
                     "listen=127.0.0.1:%d" % listen[index],
                     "peer=127.0.0.1:%d" % peer[index]]
            words += [text for text in (config, configs[index]) if text]
            if "secret_file=" not in ";".join(words) and "tls_cert=" not in ";".join(words):
                words += self.secrecy.words()
            if "dirty_bits=" not in ";".join(words):
                words.append("dirty_bits=20")  # the default takes longer to start than most cases
            node = self.add(name, *options, engine=self.build.repl_engine, config=";".join(words))
            node.listen_repl = listen[index]
            node.socket = os.path.join(self.folder, name + ".sock")
        return self.nodes[names[0]], self.nodes[names[1]]

    def pair(self, *options, **more):
        """A running pair with the link up. The first client write makes a node active."""
        a, b = self.add_pair(*options, **more)
        a.start()
        b.start()
        self.linked(a, b)
        return a, b

    def linked(self, *nodes, seconds=15.0):
        for node in nodes:
            self.until(lambda node=node: node.stat("repl_link") == "streaming",
                       "%s says repl_link streaming" % node.name, seconds)

    def drained(self, node, seconds=30.0):
        """Waits until the peer has acknowledged all changes by the node's clients."""
        def done():
            stats = node.stats("repl")
            return (stats["repl_link"] == "streaming" and stats["repl_pending"] == "0"
                    and stats["repl_dirty_buckets"] == "0" and stats["repl_in_sync"] == "1")
        try:
            self.until(done, "%s has nothing pending" % node.name, seconds)
        except Failed as error:
            names = ("role", "link", "in_sync", "pending", "dirty_buckets", "last_error")
            stats = node.stats("repl")
            raise Failed("%s (%s)" % (error, ", ".join(
                "%s %s" % (name, stats.get("repl_" + name)) for name in names))) from None

    def same(self, a, b, keys):
        """Waits until value, flags, CAS and remaining life (to a second) are equal on
        both nodes."""
        for key in sorted(keys):
            def equal(key=key):
                if a.client().item(key) != b.client().item(key):
                    return False
                lives = a.client().life(key), b.client().life(key)
                return lives[0] == lives[1] or (
                    None not in lives and -1 not in lives and abs(lives[0] - lives[1]) <= 1)
            try:
                self.until(equal, "%s is the same on both nodes" % key, 10)
            except Failed as error:
                raise Failed("%s; %s" % (error, "; ".join(
                    "%s: %s, life %s" % (node.name, brief(node.client().item(key)),
                                         node.client().life(key)) for node in (a, b)))) from None

    def start_load(self, node, *options):
        """Starts bench/load against a node."""
        command = [self.build.load, "--port", str(node.port)] + [str(word) for word in options]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env=self.environment)

    def finish_load(self, load):
        """Waits for its end; returns its output."""
        try:
            text = load.communicate(timeout=120 * self.build.slowness)[0].decode(errors="replace").strip()
        finally:
            load.kill()
        if load.returncode != 0:
            raise Failed("load %s: %s" % (" ".join(load.args[3:]), text))
        return text

    def run_load(self, node, *options):
        """Runs bench/load against a node; returns its output."""
        return self.finish_load(self.start_load(node, *options))


def brief(item):
    """An item as (flags, cas, value), short enough to print."""
    if item is None:
        return "missing"
    flags, cas, value = item
    shown = value if len(value) <= 40 else value[:40] + b"..."
    return "flags %d cas %d value %r (%d bytes)" % (flags, cas, shown, len(value))
