"""The pairs that bench/warm and bench/topics/sync.py compare: mcd, redis and yrmcds.

A pair has an active node and a standby. It can wait until the standby has a whole copy, and
follows what changes (fill), or has everything that the active node has, when nobody changes
anything (settle), kill the active node and continue with the standby
(fail_over), and restart the standby empty (restart_standby). Most pairs can also swap the
roles.
"""

import os
import random
import re
import signal
import subprocess

import servers
from harness.lab import free_port
from harness.report import Failed


class Pair:
    name, dialect = "", "memcached"
    is_standby_readable, changes_roles = True, True

    def __init__(self, lab, active_size, standby_size):
        """Sizes are megabytes, as for -m."""
        self.lab = lab
        self.active, self.standby = self.start(active_size, standby_size)
        self.settle()

    @classmethod
    def is_possible(cls):
        return True

    def fail_over(self):
        self.active.kill()
        self.swap()
        self.promote(self.active)

    def swap(self):
        self.active, self.standby = self.standby, self.active

    def restart_standby(self):
        self.standby.kill()
        self.standby.start()

    def close(self):
        """Undoes changes that the lab does not know."""


class Mcd(Pair):
    name = "mcd"

    def start(self, *sizes):
        nodes = self.lab.add_pair("-t", "1")
        for node, size in zip(nodes, sizes):
            node.command += ["-m", str(size)]
            node.start()
        self.lab.linked(*nodes)
        self.promote(nodes[0])
        return nodes

    def fill(self):
        """While clients change something, there is always something in the journal."""
        def is_filled():
            a, b = [node.stats("repl") for node in (self.active, self.standby)]
            return a["repl_dirty_buckets"] == a["repl_missing_buckets"] == b["repl_missing_buckets"] == "0"
        self.lab.until(is_filled, "mcd's standby is filled", 120)

    def settle(self):
        self.lab.drained(self.active, 120)

    def promote(self, node):
        self.order(node, "promote")

    def order(self, node, command):
        code, text = node.ctl(command)
        if code != 0:
            raise Failed("mcreplctl %s: %s" % (command, text))

    def change_roles(self, number):
        """Alternates between handover on the active node, as operators do it, and promote
        on the standby, as keepalived does it."""
        self.settle()
        if number % 2:
            self.order(self.active, "handover")
        else:
            self.promote(self.standby)
        self.swap()
        self.lab.until(lambda: self.active.stat("repl_role") == "active", "roles have changed")
        self.settle()


class Lone:
    """One mcd without a standby: shows how much a memory of its size can hold."""
    dialect = "memcached"

    def __init__(self, lab, size):
        self.active = lab.single("-m", str(size), "-t", "1")


class Redis(Pair):
    name, dialect = "redis", "redis"

    @classmethod
    def is_possible(cls):
        return servers.is_installed("redis-server")

    def start(self, active_size, standby_size):
        active = self.add("a", active_size).start()
        # By default a replica may exceed its memory limit.
        patience = "yes" if active_size == standby_size else "no"
        standby = self.add("b", standby_size, "--replica-ignore-maxmemory", patience, "--replicaof",
                           "127.0.0.1 %d" % active.port).start()
        return active, standby

    def add(self, name, size, *options):
        return servers.add_redis(self.lab, "--maxmemory", "%dmb" % size, "--maxmemory-policy",
                                 "allkeys-lru", "--repl-diskless-sync-delay", "0", *options,
                                 name=name)

    @staticmethod
    def info(node):
        node.client().send(b"INFO replication\r\n")
        text = node.client().take(int(node.client().line()[1:]) + 2).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def fill(self):
        self.lab.until(lambda: "state=online" in self.info(self.active).get("slave0", ""),
                       "redis's replica is filled", 120)

    def settle(self):
        def is_settled():
            info = self.info(self.active)
            return "state=online,offset=%s," % info["master_repl_offset"] in info.get("slave0", "")
        self.lab.until(is_settled, "redis's replica has everything", 120)

    def promote(self, node):
        self.order(node, b"REPLICAOF NO ONE")

    def order(self, node, command):
        answer = node.ask(command)
        if answer != [b"+OK"]:
            raise Failed("redis: %s: %r" % (command.decode(), answer))

    def change_roles(self, _):
        self.order(self.active, b"FAILOVER")
        self.swap()
        self.lab.until(lambda: self.info(self.active)["role"] == "master", "redis fails over")
        self.settle()


class Yrmcds(Pair):
    """A node is the master if it has the virtual address, which it polls for. Here each
    node polls for an address of its own. The master's is 127.0.0.1, which always exists.
    The slave's is one in 127/8, which reaches the master until the fail-over puts it on
    the loopback interface. A slave does not listen for clients, so its hit ratio is
    measured right after the fail-over."""
    name = "yrmcds"
    is_standby_readable, changes_roles = False, False
    address = None

    @classmethod
    def is_possible(cls):
        return servers.is_installed("yrmcdsd", "ip") and os.geteuid() == 0

    def start(self, active_size, standby_size):
        net = "127.%d.%d." % (random.randint(1, 254), random.randint(1, 254))
        link = free_port()
        active = self.add("a", active_size, link, "127.0.0.1", net + "1")
        standby = self.add("b", standby_size, link, net + "1", net + "2")
        standby.address = (net + "2", standby.port)
        active.start()
        standby.launch()
        self.wait_for_copy(active, 1)
        return active, standby

    def add(self, name, size, link, virtual, own):
        # It exceeds its limit until it checks, by default every ten seconds.
        return servers.add_yrmcds(
            self.lab, "repl_port = %d" % link, "virtual_ip = " + virtual, 'bind_ip = "%s"' % own,
            'memory_limit = "%dM"' % size, "gc_interval = 1", name=name)

    def wait_for_copy(self, active, count):
        self.lab.until(lambda: active.log().count("Initial replication completed") == count,
                       "yrmcds's slave is filled", 120)

    def settle(self):
        """The slave's log shows how many changes it has applied; the total is unknown, so
        this waits until the number stops changing."""
        seen = []

        def is_quiet():
            self.standby.signal(signal.SIGUSR1)
            seen.append(re.findall(r"replication stats: .*", self.standby.log())[-1:])
            return len(seen) > 20 and seen[-1] and seen[-1] == seen[-20]
        self.lab.until(is_quiet, "yrmcds's slave has everything", 120)

    def promote(self, node):
        self.address = node.address[0][:-1] + "1/32"
        self.move_address("add")
        self.lab.until(node.answers, "yrmcds's slave is the master", 60)

    def move_address(self, verb):
        subprocess.run(["ip", "address", verb, self.address, "dev", "lo"], check=True)

    def restart_standby(self):
        self.standby.kill()
        self.standby.launch()
        self.wait_for_copy(self.active, 2)

    def close(self):
        if self.address:
            self.move_address("del")


ALL = (Mcd, Redis, Yrmcds)
