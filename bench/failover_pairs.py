"""The pairs that bench/failover compares, each with what moves its clients, in network
namespaces: two machines, and a client at the same switch.

  mcd     keepalived and the guard move the address, as the run book sets them up
  redis   three sentinels, with whom clients ask for the active server
  yrmcds  keepalived moves the address; a node that has it becomes the active one
"""

import os
import re
import shutil
import signal
import tempfile

import net
from harness.report import Failed
from harness.wire import Connection
from service import Service, Supervisor
from world import WORLDS, World

ADVERT = 0.1  # seconds, for both pairs that keepalived moves
DOWN_AFTER_MS = 1000  # redis ships 30000
KEEPALIVED = """
global_defs {
    vrrp_version 3
    vrrp_priority -10
}
vrrp_instance pair {
    state BACKUP
    nopreempt
    interface eth0
    virtual_router_id 51
    priority 248
    advert_int %(advert)s
    unicast_src_ip %(own)s
    unicast_peer {
        %(peer)s
    }
    virtual_ipaddress {
        %(vip)s/24 dev eth0
    }
}
"""
SENTINEL = """port 26379
sentinel monitor pair %(active)s 6379 2
sentinel down-after-milliseconds pair %(down)d
sentinel failover-timeout pair 10000
dir %(folder)s
"""


class Mcd:
    name, dialect, moved_by = "mcd", "memcached", "keepalived and the guard"
    programs = ("keepalived", "nft")

    def __init__(self, build, size):
        self.world = World(build, memory=size)
        self.network = self.world.network

    def start(self):
        self.world.started()

    def target(self):
        return ["--server", self.network.vip + ":11211"]

    def warm_address(self):
        return self.network.vip, 11211

    def settle(self):
        self.active = self.world.healthy(60)

    def strike(self):
        """Pulls the cable of the active machine; returns the moment."""
        return self.network.cut(self.active.name)

    def close(self):
        trouble = self.world.close()
        if trouble:
            raise Failed(trouble)


class Others:
    """Two nodes and what they need, as supervised processes in namespaces."""

    def __init__(self, build, size):
        self.build, self.size, self.is_closed = build, size, False
        self.folder = tempfile.mkdtemp(prefix=net.folder_prefix())
        self.supervisor, self.network = Supervisor(), None
        WORLDS.append(self)
        try:
            self.network = net.Network()
        except BaseException:
            self.close()
            raise

    def add(self, place, name, *command):
        service = Service("%s of %s" % (name, place), self.network.inside(place, *command),
                          os.path.join(self.folder, "%s-%s.log" % (place, name)))
        service.restart_after = 3600  # the machine is gone; nothing restarts there
        self.supervisor.services.append(service)
        return service.start()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    until = World.until

    def connect(self, host, port):
        return self.network.enter("c", Connection, (host, port), 2.0)

    def answers(self, host, port):
        try:
            self.connect(host, port).close()
            return True
        except OSError:
            return False

    def strike(self):
        return self.network.cut("a")

    def close(self):
        if self not in WORLDS:
            return ""
        self.is_closed = True
        self.supervisor.close()
        for service in self.supervisor.services:
            service.kill()
        if self.network:
            self.network.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        WORLDS.remove(self)
        return ""


class Redis(Others):
    name, dialect, moved_by = "redis", "redis", "three sentinels"
    programs = ("redis-server", "redis-sentinel")

    def start(self):
        addresses = self.network.addresses
        for place, more in (("a", []), ("b", ["--replicaof", addresses["a"], "6379"])):
            self.add(place, "redis", "redis-server", "--port", "6379", "--save", "", "--appendonly",
                     "no", "--protected-mode", "no", "--maxmemory", "%dmb" % self.size,
                     "--maxmemory-policy", "allkeys-lru", "--repl-diskless-sync-delay", "0",
                     "--dir", self.folder, *more)
            self.until(lambda place=place: self.answers(addresses[place], 6379), "redis answers")
        self.until(self.has_replica, "redis has a replica", 60)
        for place in "abd":
            path = self.write("sentinel-%s.conf" % place, SENTINEL % {
                "active": addresses["a"], "down": DOWN_AFTER_MS, "folder": self.folder})
            self.add(place, "sentinel", "redis-sentinel", path)
        for place in "abd":
            self.until(lambda place=place: self.knows_all(addresses[place]), "the sentinels have met", 60)

    def ask(self, host, port, command):
        client = self.connect(host, port)
        try:
            client.send(command + b"\r\n")
            first = client.line()
            return client.take(int(first[1:]) + 2).decode()
        finally:
            client.close()

    def info(self):
        text = self.ask(self.network.addresses["a"], 6379, b"INFO replication")
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def has_replica(self):
        return "state=online" in self.info().get("slave0", "")

    def knows_all(self, host):
        try:
            text = self.ask(host, 26379, b"INFO sentinel")
        except OSError:
            return False
        return re.search(r"master0:name=pair,status=ok,.*slaves=1,sentinels=3", text)

    def settle(self):
        def is_settled():
            info = self.info()
            return "state=online,offset=%s," % info["master_repl_offset"] in info.get("slave0", "")
        self.until(is_settled, "redis's replica has everything", 120)

    def target(self):
        return ["--sentinels", ",".join(self.network.addresses[place] + ":26379" for place in "abd")]

    def warm_address(self):
        return self.network.addresses["a"], 6379


class Yrmcds(Others):
    name, dialect, moved_by = "yrmcds", "memcached", "keepalived"
    programs = ("yrmcdsd", "keepalived")

    def start(self):
        addresses = self.network.addresses
        for place, peer in ("ab", "ba"):
            path = self.write("keepalived-%s.conf" % place, KEEPALIVED % {
                "advert": ADVERT, "own": addresses[place], "peer": addresses[peer],
                "vip": self.network.vip})
            pids = [os.path.join(self.folder, "%s-%s.pid" % (place, kind)) for kind in "prc"]
            self.add(place, "keepalived", "keepalived", "--dont-fork", "--no-syslog", "--log-console",
                     "--vrrp", "-f", path, "-p", pids[0], "-r", pids[1], "-c", pids[2])
            if place == "a":
                self.until(lambda: self.network.has_vip("a"), "the first node has the address")
            # It exceeds its limit until it checks, by default every ten seconds.
            path = self.write("yrmcds-%s.conf" % place, "\n".join((
                "port = 11211", "workers = 1", "repl_port = 11213", "virtual_ip = " + self.network.vip,
                'memory_limit = "%dM"' % self.size, "gc_interval = 1")) + "\n")
            self.slave = self.add(place, "yrmcds", "yrmcdsd", "-f", path)  # the second one
            if place == "a":
                self.until(lambda: self.answers(self.network.vip, 11211), "yrmcds answers")
        self.until(lambda: "Initial replication completed" in self.supervisor.services[1].log(),
                   "yrmcds's slave is filled", 120)

    def settle(self):
        """The slave's log tells how many changes it has applied; the total is unknown, so this
        waits until the number stops changing."""
        seen = []

        def is_quiet():
            self.slave.send(signal.SIGUSR1)
            seen.append(re.findall(r"replication stats: .*", self.slave.log())[-1:])
            return len(seen) > 50 and seen[-1] and seen[-1] == seen[-50]
        self.until(is_quiet, "yrmcds's slave has everything", 120)

    def target(self):
        return ["--server", self.network.vip + ":11211"]

    def warm_address(self):
        return self.network.vip, 11211


ALL = (Mcd, Redis, Yrmcds)
