"""HAProxy in front of one pair: it asks the nodes which one is active, by the clients' port or
by HTTP."""

import os
import subprocess
import time

from harness.lab import free_port
from harness.report import Failed, Skip
from load import Crowd, Judgement, Refused, TextClient, value_of
from programs import CONF, Program, have


class Site:
    """A pair behind HAProxy with a shipped configuration."""

    def __init__(self, lab, by_http):
        self.lab, self.http = lab, {}
        self.nodes = lab.add_pair("-m", "64", "-t", "2", config="standby_writes=alone;dirty_bits=16")
        for node in self.nodes:
            self.http[node.name] = free_port()
            if by_http:
                node.command += ["--http", str(self.http[node.name])]
            node.start()
        lab.linked(*self.nodes)
        self.haproxy("haproxy-http.cfg" if by_http else "haproxy.cfg",
                     [(node.port, self.http[node.name]) for node in self.nodes])

    def haproxy(self, name, ends):
        """The shipped configuration with the nodes' addresses."""
        with open(os.path.join(CONF, name), encoding="utf-8") as file:
            text = file.read()
        for address, (port, http) in zip(("10.0.0.1:11211", "10.0.0.2:11211"), ends):
            lines = [line.replace("port 9250", "port %d" % http) if address in line else line
                     for line in text.splitlines(keepends=True)]
            text = "".join(lines).replace(address, "127.0.0.1:%d" % port)
        path = os.path.join(self.lab.folder, "haproxy.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        self.address = ("127.0.0.1", 11311)
        Program(self.lab, "haproxy", ["haproxy", "-db", "-f", path], self.address)

    def drop(self, ports):
        """No packet from or to these ports arrives any more: this is a namespace of the run. None:
        all do again."""
        table = "add table inet cut\ndelete table inet cut\n"
        if ports:
            wall = ", ".join(map(str, ports))
            table += ("add table inet cut\n"
                      "add chain inet cut c { type filter hook input priority 0; }\n"
                      "add rule inet cut c tcp dport { %s } drop\n"
                      "add rule inet cut c tcp sport { %s } drop\n" % (wall, wall))
        subprocess.run(["nft", "-f", "-"], input=table.encode(), check=True)

    def cut_link(self):
        self.drop([node.listen_repl for node in self.nodes])

    def cut_off(self, node):
        """From its peer, from HAProxy and from clients."""
        self.drop([node.port, self.http[node.name]] + [each.listen_repl for each in self.nodes])

    def heal(self):
        self.drop(None)

    def settle(self):
        """Waits until the cold pair takes writes and HAProxy's first checks are done: new clients
        reach the active node, for a while. The active node and the standby."""
        client, since = TextClient(self.address), [time.monotonic()]

        def settled():
            client.close()
            try:
                client.set("k0", value_of("k0"))
            except Refused:
                since[0] = time.monotonic()
            return time.monotonic() - since[0] > 0.5

        self.lab.until(settled, "the cold pair accepts writes")
        client.close()
        return sorted(self.nodes, key=lambda node: node.stat("repl_role"))


def site(lab, by_http=False):
    for program in ("haproxy", "nft"):
        if not have(program, "-v"):
            raise Skip("%s is not installed (./dev deps installs it)" % program)
    return Site(lab, by_http)


def fill(lab, place, active):
    keys = ["k%d" % number for number in range(500)]
    client = TextClient(place.address)
    for key in keys:
        client.set(key, value_of(key))
    lab.drained(active)
    return keys


def play(lab, place, act, limit_ms):
    """A cold pair becomes usable through HAProxy by itself; then the active node fails."""
    active, standby = place.settle()
    keys = fill(lab, place, active)
    with Crowd(lambda: TextClient(place.address), keys) as crowd:
        lab.until(lambda: crowd.count() > 1000, "the load runs")
        start = time.monotonic()
        act(active)
        lab.until(lambda: standby.stat("repl_role") == "active", "the standby is active")
        count = crowd.count() + 1000
        lab.until(lambda: crowd.count() > count, "the load continues")
    judgement = Judgement(crowd, lambda key: 1, 1, start, start)
    gap = crowd.write_gap_ms()
    if crowd.all("misses"):
        raise Failed("%d misses; %s" % (len(crowd.all("misses")), judgement))
    lost = [key for key in crowd.stored() if standby.client().item(key) is None]
    early = [key for key in lost if crowd.stored()[key] < start - 0.5]
    if judgement.early or early or gap > limit_ms * lab.build.slowness:
        raise Failed("%d errors before it, %d long acknowledged writes lost, writes' gap %.0f ms, %s"
                     % (len(judgement.early), len(early), gap, judgement))
    kinds = ", ".join("%d x %s" % (n, text) for text, n in judgement.kinds.most_common(3))
    return "writes' gap %.0f ms, %d errors (%s), last one %.0f ms after the fault, %d writes lost" % (
        gap, len(judgement.own), kinds, (judgement.last - start) * 1000, len(lost))


def case_kill(lab):
    """Killed: its connections end, and a refused one marks it down."""
    return play(lab, site(lab), lambda active: active.kill(), 1000)


def case_hang(lab):
    """Hung: HAProxy notices after 0.3 s. Without a guard the standby takes over when the
    link has been silent for 2 s, the option `timeout`."""
    return play(lab, site(lab), lambda active: active.pause(), 5000)


def hand_over(active):
    code, text = active.ctl("handover")
    if code:
        raise Failed("handover: %s" % text)


def case_handover(lab):
    """Handover: nothing is lost, and no connection stays at the old node."""
    text = play(lab, site(lab), hand_over, 1000)
    if " 0 writes lost" not in text:
        raise Failed(text)
    return text


def case_http_kill(lab):
    """The same, by HTTP checks."""
    return play(lab, site(lab, by_http=True), lambda active: active.kill(), 1000)


def case_http_handover(lab):
    """Handover: as soon as /role says so, connections to the old node are closed."""
    text = play(lab, site(lab, by_http=True), hand_over, 1000)
    if " 0 writes lost" not in text:
        raise Failed(text)
    return text


def case_http_partition(lab):
    """The active node is cut off from everybody. The standby takes over when the link has been
    silent for 2 s; after the heal all clients are at the new active node, and the old one has
    stepped down."""
    place = site(lab, by_http=True)
    text = play(lab, place, place.cut_off, 5000)
    place.heal()
    lab.linked(*place.nodes, seconds=30)
    lab.until(lambda: sorted(node.stat("repl_role") for node in place.nodes) == ["active", "standby"],
              "one node is active")
    client = TextClient(place.address)

    def writes():
        try:
            client.set("k", "after the heal")
            return client.get("k0") == value_of("k0")
        except Refused:
            client.close()
            return False

    lab.until(writes, "clients can write")
    return text


def case_http_link_cut(lab):
    """Only the nodes cannot talk. /ready is true at both then, but clients go by /role: nobody
    notices anything."""
    place = site(lab, by_http=True)
    active, standby = place.settle()
    keys = fill(lab, place, active)
    with Crowd(lambda: TextClient(place.address), keys) as crowd:
        lab.until(lambda: crowd.count() > 1000, "the load runs")
        place.cut_link()
        for node in (active, standby):
            lab.until(lambda node=node: node.stat("repl_link") != "streaming", "the link is down")
        count = crowd.count() + 2000
        lab.until(lambda: crowd.count() > count, "the load continues")
    errors, misses = crowd.all("errors"), crowd.all("misses")
    if errors or misses or standby.stat("repl_role") != "standby":
        raise Failed("%d errors, %d misses, the standby is %s now"
                     % (len(errors), len(misses), standby.stat("repl_role")))
    return "writes' gap %.0f ms, no errors" % crowd.write_gap_ms()
