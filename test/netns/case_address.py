"""The addresses of the nodes: several on one machine, translated on the way, not known yet."""

import socket
import threading
import time

from plain import LINK_PORT, Plain

ALIAS = "10.77.0.11"
GATES = {"a": "10.77.1.1", "b": "10.77.2.1"}
BEHIND = {"a": "10.77.1.2", "b": "10.77.2.2"}


def alias(build, **options):
    """B knows A by an address that the kernel of A does not dial from."""
    pair = Plain(build)
    pair.run("a", "ip addr add %s/24 dev eth0" % ALIAS)
    a = pair.node("a", pair.addresses["b"], **options.get("a", {}))
    b = pair.node("b", ALIAS, **options.get("b", {}))
    return pair, a, b


def case_alias_is_refused(build):
    """The log says what to do about it."""
    pair, a, b = alias(build)
    with pair:
        b.start()
        a.start()
        pair.says(b, "refused a connection from 10.77.0.1:")
        assert "peer_from=10.77.0.1" in b.log() and "listen=" in b.log(), b.log()


def case_alias_by_peer_from(build):
    for text in ("10.77.0.1", "192.0.2.0/24,10.77.0.0/28", "[::ffff:10.77.0.1]"):
        pair, a, b = alias(build, b={"config": "peer_from=" + text})
        with pair:
            pair.link(a, b)


def case_alias_by_listen(build):
    """The address of listen= is the one that is dialled from."""
    pair, a, b = alias(build, a={"listen": "%s:%d" % (ALIAS, LINK_PORT)})
    with pair:
        pair.link(a, b)


def translate(pair, place, other):
    """Place is behind a router of its own, which forwards the link's port, and whose address is all
    that either side sees of the other."""
    inner, outer = place, "c" if place == "a" else "d"
    pair.run(outer, "sysctl -qw net.ipv4.ip_forward=1")
    pair.switch("link", "set", pair.port(inner), "nomaster")
    pair.switch("link", "add", "inner-" + outer, "type", "veth", "peer", "name", "eth1", "netns",
                pair.name(outer))
    pair.switch("link", "add", "br-" + inner, "type", "bridge", "forward_delay", "0")
    pair.switch("link", "set", "br-" + inner, "up")
    for port in (pair.port(inner), "inner-" + outer):
        pair.switch("link", "set", port, "master", "br-" + inner, "up")
    pair.run(outer, "ip addr add %s/24 dev eth1; ip link set eth1 up" % GATES[place])
    pair.run(inner, "ip addr flush dev eth0; ip addr add %s/24 dev eth0; ip route add default via %s"
             % (BEHIND[place], GATES[place]))
    pair.rules(outer, """
        table ip t {
            chain in { type nat hook prerouting priority -100;
                iifname "eth0" tcp dport %d dnat to %s
            }
            chain out { type nat hook postrouting priority 100; masquerade
            }
        }""" % (LINK_PORT, BEHIND[place]))


def case_translated_both_ways(build):
    """Each node sees its own router as the source of what the peer dials."""
    pair = Plain(build)
    with pair:
        for place, other in (("a", "b"), ("b", "a")):
            translate(pair, place, other)
        a = pair.node("a", pair.addresses["d"])
        b = pair.node("b", pair.addresses["c"])
        a.start()
        b.start()
        pair.says(b, "peer_from=" + GATES["b"])
        assert b.stat("repl_link") in ("down", "handshake")
        b.stop()
        b = pair.node("b", pair.addresses["c"], config="peer_from=" + GATES["b"])
        pair.link(a, b)


def case_temporary_address(build):
    """A machine that dials from addresses that change: the nodes use the lasting ones."""
    pair = Plain(build)
    with pair:
        for number, place in enumerate("ab", 1):
            pair.run(place, "sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.disable_ipv6=0 "
                     "net.ipv6.conf.eth0.use_tempaddr=2 net.ipv6.conf.eth0.accept_dad=0; "
                     "ip -6 addr add fd77::%d/64 dev eth0 mngtmpaddr nodad" % number)
            pair.lab.until(lambda place=place: "temporary" in pair.run(
                place, "ip -6 addr show dev eth0 -tentative"), "there is a temporary address")
        a, b = pair.node("a", "[fd77::2]"), pair.node("b", "[fd77::1]")
        pair.link(a, b)
        assert "refused a connection" not in a.log() + b.log(), a.log() + b.log()


def case_name_that_is_not_known_yet(build):
    """Nobody is called a stranger before it is known who the peer is."""
    pair = Plain(build)
    with pair:
        for name in ("hosts", "resolv.conf"):
            pair.write("a", name, "# nothing\n")
        a = pair.node("a", "other", listen="0.0.0.0:%d" % LINK_PORT)
        b = pair.node("b", pair.addresses["a"])
        a.start()
        b.start()
        pair.says(a, "refused a connection from 10.77.0.2:")
        assert "not an address of the peer" not in a.log(), a.log()
        assert "'other' has not been resolved yet" in a.log(), a.log()
        pair.write("a", "hosts", pair.addresses["b"] + " other\n")
        pair.link(a, b)


def case_silent_name_server(build):
    """It is named before the resolver gives up, and once."""
    pair = Plain(build)
    with pair:
        silent = pair.enter("a", socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
        with silent:
            silent.bind(("127.0.0.9", 53))
            pair.write("a", "resolv.conf", "nameserver 127.0.0.9\n")
            a = pair.node("a", "other")
            begun = time.monotonic()
            a.start()
            pair.says(a, "name server 127.0.0.9:53")
            took = time.monotonic() - begun
        assert took < 8 * build.slowness, "after %.1f s" % took
        assert a.log().count("127.0.0.9") == 1, a.log()
        return "after %.1f s" % took


class NameServer(threading.Thread):
    """Knows one address, or (None) answers that there is no such name."""

    def __init__(self, pair, place, own, address):
        super().__init__(daemon=True)
        self.address, self.over = address, False
        self.socket = pair.enter(place, socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((own, 53))
        self.start()

    def run(self):
        self.socket.settimeout(0.1)
        while not self.over:
            try:
                packet, client = self.socket.recvfrom(4096)
                self.socket.sendto(self.answer(packet), client)
            except socket.timeout:
                continue

    def answer(self, packet):
        end = packet.index(0, 12) + 5
        is_a = packet[end - 4:end - 2] == b"\0\1"
        record = b""
        if self.address and is_a:
            record = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(self.address)
        code = 0x80 if self.address else 0x83
        return packet[:2] + bytes((0x81, code)) + b"\0\1\0" + bytes((bool(record),)) + bytes(4) + \
            packet[12:end] + record

    def close(self):
        self.over = True
        self.join(10)
        self.socket.close()


def case_second_name_server_does_not_know(build):
    """Networks of containers have such a list: their own server first, which alone knows the
    containers' names, then those of the machine. As in the C library, the first one that answers is
    right."""
    pair = Plain(build)
    with pair:
        servers = [NameServer(pair, "a", "127.0.0.8", pair.addresses["b"]),
                   NameServer(pair, "a", "127.0.0.9", None)]
        try:
            pair.write("a", "resolv.conf", "search site\nnameserver 127.0.0.8\nnameserver 127.0.0.9\n")
            a, b = pair.node("a", "other"), pair.node("b", pair.addresses["a"])
            a.start()
            b.start()
            pair.link(a, b)
            assert "name resolution" not in a.log() and "not known" not in a.log(), a.log()
        finally:
            for server in servers:
                server.close()


def case_first_name_server_is_silent(build):
    """Then the next one is asked."""
    pair = Plain(build)
    with pair:
        silent = pair.enter("a", socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
        silent.bind(("127.0.0.8", 53))
        server = NameServer(pair, "a", "127.0.0.9", pair.addresses["b"])
        try:
            pair.write("a", "resolv.conf", "nameserver 127.0.0.8\nnameserver 127.0.0.9\n")
            a, b = pair.node("a", "other"), pair.node("b", pair.addresses["a"])
            a.start()
            b.start()
            pair.says(a, "name server 127.0.0.8:53")
            pair.link(a, b)
        finally:
            server.close()
            silent.close()
