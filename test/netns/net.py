"""Network namespaces: places at a switch, and the network of a pair and its clients.

Everything is made here, and removed with the namespaces; nothing outside of them changes.
The name of a namespace has this process's id and a number. So several worlds can exist at
the same time, and the remains of a killed run can be recognized and removed.
"""

import contextlib
import ctypes
import datetime
import glob
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness.report import Failed, Skip

NAME = re.compile(r"mcdtest-(\d+)-\d+-[abcds]$")
FOLDER = re.compile(r"/mcd-netns-(\d+)-[^/]+$")
CLONE_NEWNET = 0x40000000
numbers = itertools.count()


def tool(*words, check=True, text=None):
    """Runs a program, with the text as its input. Returns its output."""
    done = subprocess.run(words, input=text.encode() if text else None, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=30)
    if check and done.returncode != 0:
        raise Failed("%s: %s" % (" ".join(words), done.stderr.decode(errors="replace").strip()))
    return done.stdout.decode(errors="replace")


def ip(*words, check=True):
    """ip(8) in the current namespace."""
    return tool("ip", *words, check=check)


def add_bridge(switch, name):
    """switch: ip(8) in the namespace of the bridge."""
    switch("link", "add", name, "type", "bridge", "stp_state", "0", "forward_delay", "0",
           "mcast_snooping", "0")
    switch("link", "set", name, "up")


def check_possible():
    """Skips if the machine cannot do what these tests need."""
    if os.geteuid() != 0:
        raise Skip("network namespaces need root")
    for name, package in (("ip", "iproute2"), ("keepalived", "keepalived"), ("nft", "nftables")):
        if not shutil.which(name):
            raise Skip("%s is not installed (package %s)" % (name, package))
    name = "mcdtest-%d-%d-s" % (os.getpid(), next(numbers))
    try:
        tool("ip", "netns", "add", name)
        try:
            tool("ip", "-n", name, "link", "add", "try", "type", "bridge")
            tool("ip", "netns", "exec", name, "true")
        finally:
            tool("ip", "netns", "del", name)
    except Failed as error:
        raise Skip("no network namespaces here: %s" % error) from None


def folder_prefix():
    return "mcd-netns-%d-" % os.getpid()


def sweep():
    """Removes the remains of runs that were killed and could not clean up."""
    for path in glob.glob(os.path.join(tempfile.gettempdir(), "mcd-netns-*-*")):
        found = FOLDER.search(path)
        if found and not os.path.exists("/proc/" + found.group(1)):
            shutil.rmtree(path, ignore_errors=True)
    for word in tool("ip", "netns", "list", check=False).split():
        found = NAME.match(word)
        if not found or os.path.exists("/proc/" + found.group(1)):
            continue
        for pid in tool("ip", "netns", "pids", word, check=False).split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
        tool("ip", "netns", "del", word, check=False)


class Monitor:
    """Records events of addresses and neighbours in a namespace, with the kernel's time
    stamps: polling would see them late."""

    def __init__(self, network, place):
        self.vip, self.offset = network.vip, time.time() - time.monotonic()
        self.process = subprocess.Popen(
            ["ip", "-ts", "-n", network.name(place), "monitor", "neigh", "address"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def end(self):
        """(moment, text) of all events about the address."""
        self.process.terminate()
        found = []
        for line in self.process.stdout.read().decode(errors="replace").splitlines():
            stamp, _, text = line.partition("] ")
            if re.search(r"\b%s\b" % re.escape(self.vip), text):
                wall = datetime.datetime.fromisoformat(stamp.lstrip("[")).timestamp()
                found.append((wall - self.offset, text))
        return found


class Namespaces:
    """Places with a namespace each, whose eth0 is connected to a bridge. A subclass
    defines the wiring, the addresses, and the address that moves between the nodes."""

    vip, addresses = None, {}

    def __init__(self):
        self.stem = "mcdtest-%d-%d-" % (os.getpid(), next(numbers))
        self.made = []
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        raise NotImplementedError

    def switch(self, *words):
        """ip(8) in the namespace of the bridges."""
        ip(*words)

    def name(self, place):
        """The name of a place's namespace. A place is one letter, which sweep() relies
        on."""
        return self.stem + place

    def port(self, place):
        """The bridge's end of its cable."""
        return "port-" + place

    def add(self, place):
        self.made.append(place)
        tool("ip", "netns", "add", self.name(place))
        tool("ip", "netns", "exec", self.name(place), "sysctl", "-qw",
             "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
        tool("ip", "-n", self.name(place), "link", "set", "lo", "up")

    def plug(self, place, bridge):
        name, port = self.name(place), self.port(place)
        self.switch("link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", name)
        self.switch("link", "set", port, "master", bridge, "up")
        tool("ip", "-n", name, "addr", "add", self.addresses[place] + "/24", "dev", "eth0")
        tool("ip", "-n", name, "link", "set", "eth0", "up")

    def close(self):
        for place in self.made:
            tool("ip", "netns", "del", self.name(place), check=False)
        self.made = []

    def inside(self, place, *words):
        """A command line that runs inside the namespace."""
        return ["ip", "netns", "exec", self.name(place)] + list(words)

    def enter(self, place, function, *values):
        """Calls the function inside: a socket that it opens stays there."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", encoding="ascii") as back, \
                open("/run/netns/" + self.name(place), encoding="ascii") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise Failed("setns: %s" % os.strerror(ctypes.get_errno()))
            try:
                return function(*values)
            finally:
                if libc.setns(back.fileno(), CLONE_NEWNET) != 0:
                    os._exit(70)  # nothing may continue in the wrong namespace

    # ---- faults: each returns the moment before it

    def at_once(self, *words):
        moment = time.monotonic()
        self.switch(*words)
        return moment

    def cut(self, place):
        """Pulls the cable: nothing passes, and both ends notice."""
        return self.at_once("link", "set", self.port(place), "down")

    def plug_in(self, place):
        return self.at_once("link", "set", self.port(place), "up")

    # ---- queries

    def has_vip(self, place):
        links = json.loads(tool("ip", "-n", self.name(place), "-j", "addr", "show", "dev", "eth0"))
        return any(address.get("local") == self.vip
                   for link in links for address in link.get("addr_info", []))

    def mac(self, place):
        return json.loads(tool("ip", "-n", self.name(place), "-j", "link", "show", "dev",
                               "eth0"))[0]["address"]


class Network(Namespaces):
    """Two switches with a wire between them, two nodes, two clients.

        node a    client c            client d    node b
          |          |                    |         |
        ==== switch 1 ====---- trunk ----==== switch 2 ====
    """

    vip = "10.77.0.100"
    addresses = {"a": "10.77.0.1", "b": "10.77.0.2", "c": "10.77.0.3", "d": "10.77.0.4"}
    bridges = {"a": "br1", "b": "br2", "c": "br1", "d": "br2"}

    def make(self):
        for place in "s" + "".join(self.addresses):
            self.add(place)
        for bridge in ("br1", "br2"):
            add_bridge(self.switch, bridge)
        self.switch("link", "add", "trunk1", "type", "veth", "peer", "name", "trunk2")
        for end in "12":
            self.switch("link", "set", "trunk" + end, "master", "br" + end, "up")
        for place, bridge in self.bridges.items():
            self.plug(place, bridge)

    def switch(self, *words):
        ip("-n", self.name("s"), *words)

    def part(self):
        """Separates the switches; the places see no change of their links."""
        return self.at_once("link", "set", "trunk1", "down")

    def join(self):
        return self.at_once("link", "set", "trunk1", "up")

    def control_traffic(self, *words):
        """tc(8) in the switches' namespace. The kernel may lack some queues and
        filters."""
        try:
            tool("tc", "-n", self.name("s"), *words)
        except (Failed, FileNotFoundError) as error:
            raise Skip("no slow connections here: %s" % error) from None

    @contextlib.contextmanager
    def slow(self, place, port, rate):
        """Slows only the connections of this TCP port towards this place. If keepalived's
        advertisements were late, their sender would seem dead."""
        device = ("dev", self.port(place))
        self.control_traffic("qdisc", "add", *device, "root", "handle", "1:", "htb")
        try:
            self.control_traffic("class", "add", *device, "parent", "1:", "classid", "1:1", "htb",
                                 "rate", rate)
            for end in ("sport", "dport"):
                self.control_traffic("filter", "add", *device, "parent", "1:", "protocol", "ip", "u32",
                                     "match", "ip", end, str(port), "0xffff", "flowid", "1:1")
            yield
        finally:
            self.control_traffic("qdisc", "del", *device, "root")
