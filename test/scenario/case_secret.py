"""A link that only the pair can speak. Each attack is tried on the plain link as well, where it
works: so it is the secret that stops it."""

import json
import os
import re
import socket
import struct
import subprocess
import time

from case_imposter import SOON, Repeater
from harness.certificates import Authority
from harness.peer import Peer, frame
from harness.report import Skip
from harness.secrecy import Secrecy, draw, write_secret

PLACE = "two"
PLAIN, SECRET, CERTIFICATES = "", "secret", "certificates"
PATIENT = "timeout=5000;heartbeat=100"


def pair(lab, kind, config="", **more):
    """Not started yet. Peers by hand do not know the secret."""
    lab.secrecy = ours = Secrecy(lab.folder, kind)
    nodes = lab.add_pair(config=config, **more)
    lab.secrecy = Secrecy(lab.folder, PLAIN)
    lab.authority = ours.authority if kind == CERTIFICATES else None
    return nodes


def says(lab, node, text):
    lab.until(lambda: text in node.log(), "%s logs '%s'" % (node.name, text))


def untouched(node):
    """No message has passed, in neither direction."""
    names = ("bytes_in", "bytes_out", "reconnects", "applied", "demotions")
    return all(node.stat("repl_" + name) == "0" for name in names)


def talk(port, *data, seconds=2.0):
    """Says something to a node's replication port; returns all that the node says."""
    heard = b""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        link.settimeout(seconds)
        try:
            for part in data:
                link.sendall(part)
            while True:
                got = link.recv(1 << 16)
                if not got:
                    break
                heard += got
        except OSError:
            pass
    return heard


def only_tls(heard):
    """Nothing but records of TLS, one behind the other: no byte of ours in clear."""
    while heard:
        kind, version, size = struct.unpack("!BHH", heard[:5].ljust(5, b"\0"))
        if len(heard) >= 5 and not (0x14 <= kind <= 0x17 and version >> 8 == 3):
            return False
        heard = heard[5 + size:]
    return True


# ---- who is not the peer

def take(peer):
    """The next message, with the answer that a follower owes."""
    got = peer.receive()
    if got and got[0] == "NOOP" and not got[3]:
        peer.acknowledge(got[1])
    return got and b"to nobody else" in got[2]


def steal(lab, kind):
    """A stranger at the peer's address reads an item, changes one and demotes the node."""
    a, _ = pair(lab, kind, PATIENT)
    a.start()
    assert a.client().store("known", "to nobody else") == "STORED"
    if kind == PLAIN:
        peer = Peer(lab, a)
        peer.follow()
        lab.until(lambda: take(peer), "a stranger reads the item")
        peer.send("ROLE", struct.pack("!QB16s", 99, 1, peer.run))
        lab.until(lambda: a.stat("repl_role") == "standby", "a is demoted by a stranger")
        return
    hello = frame("HELLO", b"\0" * 124)
    for opening in (hello, b"", b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x80\x2e\x01"):
        assert only_tls(talk(a.listen_repl, opening, seconds=0.5)), "a says something in clear"
    assert untouched(a) and a.stat("repl_role") == "active"
    assert a.client().item("known")[2] == b"to nobody else"


def case_stranger_at_the_address(lab):
    steal(lab, SECRET)


def case_stranger_at_the_address_certificates(lab):
    steal(lab, CERTIFICATES)


def case_stranger_at_the_address_before(lab):
    steal(lab, PLAIN)


def case_wrong_secret(lab):
    a, b = pair(lab, SECRET, SOON)
    other = os.path.join(lab.folder, "other")
    write_secret(other, draw(32))
    b.command = [word.replace(os.path.join(lab.folder, "secret"), other) for word in b.command]
    a.start()
    b.start()
    assert a.client().store("k", "v") == "STORED"
    for node in (a, b):
        says(lab, node, "it names no secret that this node has")
        says(lab, node, "it does not take the secret of this node")
        assert untouched(node)
    assert a.stat("repl_role") == "active" and not b.client().item("k")


def case_one_node_plain(lab):
    """Neither node falls back; both logs say why."""
    a, b = pair(lab, SECRET, SOON)
    b.command = [re.sub(";secret_file=[^;]*", "", word) for word in b.command]
    a.start()
    b.start()
    says(lab, a, "it does not encrypt the link")
    says(lab, b, "the peer encrypts the link, and this node has no secret_file")
    assert untouched(a) and b.stat("repl_reconnects") == "0"
    assert "encryption   not encrypted" in b.ctl("status")[1]
    assert "encryption   by secret" in a.ctl("status")[1]


def case_secret_and_certificates(lab):
    a, b = pair(lab, SECRET, SOON)
    lab.secrecy = Secrecy(lab.folder, CERTIFICATES)
    b.command = [re.sub("secret_file=[^;]*", ";".join(lab.secrecy.words()), word) for word in b.command]
    a.start()
    b.start()
    says(lab, a, "it names no secret that this node has")
    says(lab, a, "it does not take the secret of this node")
    assert untouched(a) and untouched(b)


def outlast(lab, kind):
    """The first comer connects before the peer, and sends signs of life. Does it get the place?"""
    a, b = pair(lab, kind, SOON)
    a.start()
    assert a.client().store("k", "v") == "STORED"
    alive = frame("PING", struct.pack("!QQQQ", 0, 0, 0, 0))
    links = []

    def live():
        if not links:
            if kind == PLAIN:
                links.append(Peer(lab, a))
                links[0].say_hello()
            else:
                links.append(socket.create_connection(("127.0.0.1", a.listen_repl), 5))
        try:
            (links[0].socket if kind == PLAIN else links[0]).sendall(alive)
        except OSError:
            del links[:]
            raise

    with Repeater(live, 0.05):
        if kind == PLAIN:
            lab.until(lambda: a.stat("repl_link") == "handshake", "it is in")
        else:
            says(lab, a, "it does not encrypt the link")
            assert untouched(a)
        start = time.monotonic()
        b.start()
        lab.linked(a, b)
        took = time.monotonic() - start
    lab.same(a, b, ["k"])
    return "linked after %.2f s" % took


def case_first_comer_that_only_lives(lab):
    return outlast(lab, SECRET)


def case_first_comer_that_only_lives_before(lab):
    return outlast(lab, PLAIN)


# ---- who sits on the way

def forward(lab, kind):
    """A forwarder replaces a value."""
    a, b = pair(lab, kind, SOON, proxied=True)
    a.start()
    b.start()
    lab.linked(a, b)
    for proxy in lab.proxies:
        proxy.alter = {b"the truth": b"fake news"}
    assert a.client().store("k", "the truth") == "STORED"
    lab.until(lambda: b.client().item("k"), "the item comes")
    assert b.client().item("k")[2] == (b"fake news" if kind == PLAIN else b"the truth")
    if kind == PLAIN:
        return
    for proxy in lab.proxies:
        proxy.alter = {bytes([number]): bytes([number ^ 1]) for number in range(0, 256, 2)}
    assert a.client().store("k", "what came later") == "STORED"
    lab.until(lambda: a.stat("repl_link") != "streaming", "a notices that bytes were changed")
    assert b.client().item("k")[2] == b"the truth"
    for proxy in lab.proxies:
        proxy.alter = {}
    lab.linked(a, b)
    lab.same(a, b, ["k"])


def case_forwarder_changes_bytes(lab):
    forward(lab, SECRET)


def case_forwarder_changes_bytes_certificates(lab):
    forward(lab, CERTIFICATES)


def case_forwarder_changes_bytes_before(lab):
    forward(lab, PLAIN)


def replay(lab, kind):
    """What a node said to its peer is said again, when it is gone."""
    a, b = pair(lab, kind, SOON, proxied=True)
    a.start()
    for proxy in lab.proxies:
        proxy.tape = {"near": bytearray(), "far": bytearray()}
    b.start()
    lab.linked(a, b)
    assert a.client().store("k", "v") == "STORED"
    lab.drained(a)
    tapes = [bytes(tape) for proxy in lab.proxies for tape in proxy.tape.values() if len(tape) > 300]
    assert tapes
    a.kill()
    b.kill()
    for proxy in lab.proxies:
        proxy.cut()
    b.start()
    heard = [talk(b.listen_repl, tape, seconds=1.0) for tape in tapes for _ in range(3)]
    came = b.stat("repl_reconnects") != "0"
    assert came == (kind == PLAIN), "replayed: %s" % b.log()
    if kind != PLAIN:
        assert untouched(b) and all(only_tls(said) for said in heard)
        assert not b.client().item("k")
    return "%d tapes" % len(tapes)


def case_recorded_session(lab):
    return replay(lab, SECRET)


def case_recorded_session_certificates(lab):
    return replay(lab, CERTIFICATES)


def case_recorded_session_before(lab):
    return replay(lab, PLAIN)


# ---- files

def case_file_that_others_can_read(lab):
    """The node does not start, and says what to do."""
    a, _ = pair(lab, SECRET)
    os.chmod(os.path.join(lab.folder, "secret"), 0o644)
    a.launch()
    assert a.process.wait(20 * lab.build.slowness) != 0
    a.process = None
    assert "chmod 600" in a.log(), a.log()


def case_make_a_secret(lab):
    path = os.path.join(lab.folder, "made")
    make = [lab.build.mcreplctl, "secret", path]
    assert subprocess.run(make, check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert os.stat(path).st_mode & 0o777 == 0o600
    with open(path, encoding="ascii") as file:
        text = file.read()
    assert re.fullmatch("[0-9a-f]{64}\n", text)
    assert subprocess.run(make, check=False, stderr=subprocess.DEVNULL).returncode == 1
    with open(path, encoding="ascii") as file:
        assert file.read() == text


def case_rotation(lab):
    """The run book's steps: after each of them the nodes can link, in either direction."""
    a, b = pair(lab, SECRET, SOON)
    paths, old, new = [], draw(32), draw(32)
    for node in (a, b):
        paths.append(os.path.join(lab.folder, node.name + ".secret"))
        node.command = [word.replace(os.path.join(lab.folder, "secret"), paths[-1]) for word in node.command]
        write_secret(paths[-1], old)
    a.start()
    b.start()
    lab.linked(a, b)
    for step, secrets in enumerate(((old, new), (new, old), (new,))):
        for path, node in zip(paths, (a, b)):
            write_secret(path, *secrets)
            assert a.client().store("step", "%d %s" % (step, node.name)) == "STORED"
            before = [int(other.stat("repl_reconnects")) for other in (a, b)]
            assert node.ctl("renew")[0] == 0
            lab.until(lambda before=before: all(
                int(other.stat("repl_reconnects")) > count and other.stat("repl_link") == "streaming"
                for other, count in zip((a, b), before)), "the link is made anew")
            lab.same(a, b, ["step"])
    write_secret(paths[0], old)
    os.chmod(paths[0], 0o640)
    code, told = a.ctl("renew")
    assert code == 1 and "chmod 600" in told, told
    assert a.stat("repl_link") == "streaming", "a secret that is refused ends nothing"


def case_certificates_that_are_refused(lab):
    """The log names the cause. New files are read without a restart."""
    a, b = pair(lab, CERTIFICATES, SOON)
    stranger = Authority(lab.folder, "stranger")
    certificate, key = [os.path.join(lab.folder, name) for name in ("b.pem", "b.key")]
    b.command = [re.sub("tls_cert=[^;]*;tls_key=[^;]*", "tls_cert=%s;tls_key=%s" % (certificate, key), word)
                 for word in b.command]

    def give(made):
        for source, target in zip(made, (certificate, key)):
            with open(source, "rb") as file, open(target + ".new", "wb") as copy:
                copy.write(file.read())
            os.chmod(target + ".new", 0o600)
            os.rename(target + ".new", target)

    give(stranger.issue("b-of-a-stranger"))
    a.start()
    b.start()
    says(lab, a, "unable to get local issuer certificate")
    assert untouched(a) and b.stat("repl_reconnects") == "0"
    give(lab.authority.issue("b-of-the-pair"))
    lab.linked(a, b)


def case_renewal_to_a_bad_file(lab):
    """The former certificate stays, the log and the status say why; a good one is read without a command."""
    a, b = pair(lab, CERTIFICATES, SOON)
    names = [os.path.join(lab.folder, name) for name in ("a.pem", "a.key")]
    a.command = [re.sub("tls_cert=[^;]*;tls_key=[^;]*", "tls_cert=%s;tls_key=%s" % tuple(names), word)
                 for word in a.command]

    def give(certificate, key):
        for source, target in ((certificate, names[0]), (key, names[1])):
            with open(source, "rb") as file, open(target + ".new", "wb") as copy:
                copy.write(file.read())
            os.chmod(target + ".new", 0o600)
            os.rename(target + ".new", target)

    give(*lab.authority.issue("a-short"))  # two days
    a.start()
    b.start()
    lab.linked(a, b)
    says(lab, a, "without a new one the nodes cannot link anew")
    first = int(a.stat("repl_certificate_expires"))
    assert 0 < first - time.time() < 3 * 86400
    give(names[1], names[1])
    code, told = a.ctl("renew")
    assert code == 1 and "cannot load the certificate chain" in told, told
    assert a.stat("repl_link") == "streaming" and int(a.stat("repl_certificate_expires")) == first
    os.utime(names[0])
    count = int(b.stat("repl_reconnects"))
    assert b.ctl("renew")[0] == 0  # a reads its files for the next connection, and goes on with the former ones
    lab.until(lambda: int(b.stat("repl_reconnects")) > count, "b links anew")
    lab.linked(a, b)
    says(lab, a, "what was read before stays")
    assert "what was read before stays" in a.ctl("status")[1]
    give(*lab.authority.issue("a-long", "-nodes", "-days", "90"))
    lab.until(lambda: int(a.stat("repl_certificate_expires")) > first + 80 * 86400, "a reads the new one by itself", 30)


def case_secret_is_in_no_dump(lab):
    """Not in memory that a core dump has, not in the figures, not in the log."""
    if lab.build.sanitized:
        raise Skip("a sanitizer maps terabytes, which would have to be searched")
    a, b = pair(lab, SECRET)
    with open(os.path.join(lab.folder, "secret"), encoding="ascii") as file:
        text = file.read().strip()
    a.start()
    b.start()
    lab.linked(a, b)
    found = dumped(a.process.pid, (bytes.fromhex(text), text.encode()))
    assert found == ([], 1), "in a dump: %s; kept apart: %d" % found
    shown = a.ctl("status", "--json")[1] + a.log() + json.dumps(a.stats("repl")) + json.dumps(a.stats("settings"))
    assert text not in shown


def dumped(pid, needles):
    """The mappings that hold one of the needles and would be dumped; how many others do."""
    found, apart, area = [], 0, None
    with open("/proc/%d/smaps" % pid, encoding="ascii") as smaps, open("/proc/%d/mem" % pid, "rb") as memory:
        for line in smaps:
            if re.match("[0-9a-f]+-[0-9a-f]+ ", line):
                area = line
            elif line.startswith("VmFlags:") and " rd" in line and "[v" not in area:
                start, end = (int(part, 16) for part in area.split()[0].split("-"))
                try:
                    memory.seek(start)
                    held = any(needle in memory.read(end - start) for needle in needles[:1])
                except (OSError, OverflowError):
                    continue
                if held and " dd" in line:
                    apart += 1
                elif held:
                    found.append(area.strip())
    return found, apart
