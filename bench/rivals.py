"""The servers that bench/run puts under the same load, each with one worker thread on one core. Load and
standbys have the other cores."""

import contextlib
import os
import subprocess

import servers
from harness.lab import Lab, free_port
from harness.report import Failed

MEMORY = "512"  # MiB of each


def cores():
    """The servers', and the others'; they are shared if there is only one."""
    all_cores = sorted(os.sched_getaffinity(0))
    return {all_cores[0]}, set(all_cores[1:]) or {all_cores[0]}


def cpu_us(node):
    """What all threads of a node have used so far."""
    folder, ns = "/proc/%d/task" % node.process.pid, 0
    for task in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                ns += int(file.read().split()[0])
    return ns / 1e3


def pin(node, to):
    for thread in os.listdir("/proc/%d/task" % node.process.pid):
        os.sched_setaffinity(int(thread), to)


def place(ahead=False):
    """This process, on the clients' cores. ahead: it does not wait for others that want them, so that
    it measures the server and not itself. That takes a privilege; without it, it waits."""
    os.sched_setaffinity(0, cores()[1])
    with contextlib.suppress(PermissionError):
        if ahead:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))


class Rival:
    def __init__(self, name, tools, nodes, dialect="memcached"):
        """tools: the build whose load generators are used."""
        self.name, self.tools, self.nodes, self.dialect = name, tools, nodes, dialect
        mine, others = cores()
        for number, node in enumerate(nodes):
            pin(node, others if number else mine)

    @property
    def active(self):
        return self.nodes[0]

    def start_load(self, *options, ahead=False):
        command = [self.tools.load, "--port", self.active.port, "--dialect", self.dialect, *options]
        return subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=lambda: place(ahead))

    def finish_load(self, process):
        """The figures that the load has printed."""
        out, trouble = process.communicate()
        if process.returncode != 0:
            raise Failed("%s: %s" % (self.name, trouble.decode().strip()))
        words = out.decode().split()
        return dict(zip(words[::2], map(float, words[1::2])))

    def load(self, *options, ahead=False):
        return self.finish_load(self.start_load(*options, ahead=ahead))

    def measure(self, *options):
        """The same, and the microseconds that each node has used for a request."""
        before = [cpu_us(node) for node in self.nodes]
        figures = self.load(*options)
        requests = figures["sets"] + figures["gets"]
        used = [(cpu_us(node) - start) / requests for node, start in zip(self.nodes, before)]
        figures["cpu_us"] = used[0]
        if len(used) > 1:
            figures["standby_us"] = used[1]
        return figures


# ---- how each is started: its nodes, the active one first

def memcached(lab, program="memcached"):
    return [servers.add_memcached(lab, "-m", MEMORY, "-t", "1", program=program).start()]


def mcd(lab):
    return [lab.single("-m", MEMORY, "-t", "1")]


def mcd_alone(lab):
    a, _ = lab.add_pair("-m", MEMORY, "-t", "1")
    a.start()
    assert a.client().store("first", "x") == "STORED"
    return [a]


def mcd_pair(lab):
    a, b = lab.pair("-m", MEMORY, "-t", "1")
    assert a.client().store("first", "x") == "STORED"
    lab.drained(a)
    return [a, b]


def yrmcds(lab):
    return [servers.add_yrmcds(lab, "repl_port = %d" % free_port(), 'bind_ip = "127.0.0.2"',
                               'memory_limit = "%sM"' % MEMORY, 'log.threshold = "warning"').start()]


def redis(lab):
    return [servers.add_redis(lab).start()]


def redis_pair(lab):
    a = servers.add_redis(lab, "--repl-diskless-sync-delay", "0").start()
    b = servers.add_redis(lab, "--replicaof", "127.0.0.1 %d" % a.port, name="replica").start()
    lab.until(lambda: b"master_link_status:up" in info(b), "redis's replica is filled", 60)
    return [a, b]


def info(node):
    node.client().send(b"INFO replication\r\n")
    return node.client().take(int(node.client().line()[1:]) + 2)


STARTS = {
    "memcached": (memcached, "memcached", ("memcached",)),
    "mcd": (mcd, "memcached", ()),
    "mcd, no standby": (mcd_alone, "memcached", ()),
    "mcd, standby": (mcd_pair, "memcached", ()),
    "yrmcds": (yrmcds, "memcached", ("yrmcdsd",)),
    "redis": (redis, "redis", ("redis-server",)),
    "redis, replica": (redis_pair, "redis", ("redis-server",)),
}


@contextlib.contextmanager
def running(setup, *names):
    """These, at once. Those that are not installed, or do not start, are left out. With `before` there are
    two of each of ours; with `memcached` that program is one more."""
    wanted = []
    for name in names:
        start, dialect, programs = STARTS[name]
        if servers.is_installed(*programs):
            wanted.append((name, setup.build, start, dialect))
        else:
            print("%s: left out: not installed" % name, flush=True)
        if setup.before and name.startswith("mcd"):
            wanted.append((name + ", before", setup.before, start, dialect))
        if setup.memcached and name == "memcached":
            wanted.append(("memcached, other", setup.build, lambda lab: memcached(lab, setup.memcached),
                           dialect))
    with contextlib.ExitStack() as stack:
        rivals = []
        for name, build, start, dialect in wanted:
            try:
                lab = stack.enter_context(Lab(build))
                rivals.append(Rival(name, setup.build, start(lab), dialect))
            except (Failed, OSError) as error:
                print("%s: left out: %s" % (name, error), flush=True)
        yield rivals
