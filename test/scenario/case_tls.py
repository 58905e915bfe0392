"""-Z: clients use TLS. Python's ssl module is the client."""

import contextlib
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess

from harness.certificates import Authority
from harness.lab import free_port
from harness.wire import Closed, Connection

PLACE = "mcd"
BIG = 8 << 20
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def words(pair, *more):
    return ["-Z", "-o", ",".join(("ssl_chain_cert=" + pair[0], "ssl_key=" + pair[1]) + more)]


def serve(lab, *more, options=(), authority=None):
    """A node with TLS, the authority of its certificate, and the certificate."""
    authority = authority or Authority(lab.folder)
    pair = authority.issue("server")
    node = lab.single(*words(pair, *more), *options)
    node.tls = authority.client()
    return node, authority, pair


def refused(node, tls, timeout=10.0):
    """True if a client with this context gets no answer."""
    try:
        with Connection(node.address, timeout * node.lab.build.slowness, tls) as client:
            client.ask("get none")
    except (Closed, OSError):
        return True
    return False


def case_versions(lab):
    node, authority, _ = serve(lab)
    for version in (V12, V13):
        with Connection(node.address, 10, authority.client(version=version)) as client:
            assert client.ask("set k 0 0 5\r\nvalue") == [b"STORED"]
            assert client.ask("get k") == [b"VALUE k 0 5", b"value", b"END"]
            assert client.socket.version() == version.name.replace("_", "."), client.socket.version()
    assert node.stats("settings")["ssl_enabled"] == "yes"
    node.stop()
    node.start("-o", "ssl_min_version=3")
    assert refused(node, authority.client(version=V12))
    assert not refused(node, authority.client(version=V13))
    lab.until(lambda: int(node.stat("ssl_handshake_errors")) >= 1, "it is counted")
    assert node.stats("settings")["ssl_min_version"] == "tlsv1.3"


def case_certificates_of_others(lab):
    """A client that trusts another authority leaves; so does one without TLS."""
    node, _, _ = serve(lab)
    stranger = Authority(lab.folder, "stranger")
    assert refused(node, stranger.client())
    assert refused(node, None)
    lab.until(lambda: int(node.stat("ssl_handshake_errors")) >= 2, "both are counted")
    assert node.ask("mn") == [b"MN"]


def case_certificates_of_clients(lab):
    authority, stranger = Authority(lab.folder), Authority(lab.folder, "stranger")
    mine, theirs = authority.issue("client"), stranger.issue("other")
    node, _, _ = serve(lab, "ssl_verify_mode=2", "ssl_ca_cert=" + authority.certificate,
                       authority=authority)
    node.tls = authority.client(mine)
    for version in (V12, V13):
        assert refused(node, authority.client(version=version))
        assert refused(node, authority.client(theirs, version))
        assert not refused(node, authority.client(mine, version))
    node.stop()
    node.start("-o", "ssl_verify_mode=1")
    assert not refused(node, authority.client())
    assert refused(node, authority.client(theirs))


def case_sessions_are_resumed_if_wanted(lab):
    node, authority, _ = serve(lab)
    for wanted in (False, True):
        context = authority.client(version=V12)
        with Connection(node.address, 10, context) as client:
            assert client.ask("mn") == [b"MN"]
            session = client.socket.session
        raw = socket.create_connection(node.address, 10)
        with context.wrap_socket(raw, server_hostname="localhost", session=session) as again:
            assert again.session_reused == wanted
        assert ("ssl_new_sessions" in node.stats()) == wanted
        if not wanted:
            node.restart("-o", "ssl_session_cache")


def common_name(client):
    return dict(field[0] for field in client.socket.getpeercert()["subject"])["commonName"]


def seen(node):
    """The name in the certificate that a new client sees."""
    with node.connect() as client:
        return common_name(client)


def case_certificates_are_loaded_again(lab):
    """By refresh_certs and by SIGHUP, without an end of what is open; bad ones are not
    taken."""
    node, authority, pair = serve(lab)
    open_one = node.connect()
    assert open_one.store("k", "x" * 100000) == "STORED"
    for name, order in (("second", lambda: node.ask("refresh_certs") == [b"OK"]),
                        ("third", lambda: node.signal(signal.SIGHUP) is None)):
        for new, old in zip(authority.issue(name), pair):
            shutil.move(new, old)
        assert order()
        lab.until(lambda name=name: seen(node) == name, "the new certificate is used")
        assert open_one.item("k")[2] == b"x" * 100000
    assert common_name(open_one) == "server"
    shutil.copy(authority.issue("fourth")[0], pair[0])
    assert node.ask("refresh_certs")[0].startswith(b"SERVER_ERROR")
    assert "mismatch" in node.log()
    assert seen(node) == "third"
    assert node.ask("refresh_certs noreply\r\nmn") == [b"MN"]
    open_one.close()


def case_files_that_do_not_fit_end_the_start(lab):
    authority = Authority(lab.folder)
    certificate, key = authority.issue("server")
    locked = authority.issue("locked", "-passout", "pass:sesame")
    empty = os.path.join(lab.folder, "empty")
    with open(empty, "w", encoding="ascii"):
        pass
    tries = (((certificate, key + "x"), "No such file"), ((empty, key), "no start line"),
             ((certificate, authority.key), "mismatch"), ((certificate, certificate), "key"),
             (locked, "cannot load the key"),
             ((certificate, key, "ssl_ca_cert=" + key), "authorities"),
             ((certificate, key, "ssl_ciphers=NONE"), "ciphers"))
    for files, word in tries:
        done = subprocess.run([lab.build.mcd, "-u", "root", "-p", "-1", *words(files, *files[2:])],
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=20 * lab.build.slowness)
        assert done.returncode == 78, done
        assert word in done.stderr.decode(), done.stderr


def case_key_in_the_other_format(lab):
    authority = Authority(lab.folder)
    certificate, key = authority.issue("server")
    der = key + ".der"
    subprocess.run(["openssl", "pkey", "-in", key, "-outform", "DER", "-out", der], check=True)
    node = lab.single(*words((certificate, der), "ssl_keyformat=2"))
    assert not refused(node, authority.client())


def case_port_without(lab):
    """notls: in -l; and the UNIX socket is not encrypted either."""
    authority = Authority(lab.folder)
    plain, path = free_port(), os.path.join(lab.folder, "socket")
    node = lab.single(*words(authority.issue("server")), "-l", "notls:127.0.0.1:%d" % plain,
                      "-s", path)
    node.tls = authority.client()
    assert node.client().store("k", "secret") == "STORED"
    for address in (("127.0.0.1", plain), path):
        with Connection(address, 10) as client:
            assert client.item("k")[2] == b"secret"


def case_garbage_and_silence(lab):
    """Whatever is sent before the handshake is over: the others are served."""
    node, _, _ = serve(lab, options=("-o", "idle_timeout=2"))
    hello = handshake_start()
    rng = random.Random(7)
    sends = [rng.randbytes(rng.randrange(1, 4000)) for _ in range(50)]
    sends += [b"get k\r\n" * 400, b"\x16\x03\x01\xff\xff" + b"x" * 2000, b"\x16\x03\x01"]
    for cut in range(1, len(hello), 17):
        sends.append(hello[:cut] + rng.randbytes(300))
    silent = [socket.create_connection(node.address, 10) for _ in range(len(sends) + 20)]
    for client, data in zip(silent, sends + [hello[:100]] * 20):
        with contextlib.suppress(OSError):
            client.sendall(data)
    assert node.ask("mn") == [b"MN"]
    node.forget()
    lab.until(lambda: node.stat("curr_connections") == "1" or node.forget(), "they are closed")
    for client in silent:
        client.close()
    kicks, errors = int(node.stat("idle_kicks")), int(node.stat("ssl_handshake_errors"))
    assert kicks >= 20 and errors >= 50, (kicks, errors)
    return "%d failed, %d were closed because they were idle" % (errors, kicks)


def handshake_start():
    """The first bytes of a client."""
    out = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return out.read()


def case_stuck_handshakes_have_a_limit(lab):
    """What OpenSSL holds for them counts as buffers of connections do."""
    node, _, _ = serve(lab, options=("-c", "2000", "-o", "conn_mem_limit=8"))
    hello = handshake_start()
    base = int(node.stat("conn_mem_bytes"))
    stuck = []
    for _ in range(1000):
        stuck.append(socket.create_connection(node.address, 10))
        with contextlib.suppress(OSError):
            stuck[-1].sendall(hello[:-1])
    lab.until(lambda: int(node.stat("conn_mem_kicks")) > 0, "some are closed")
    lab.until(lambda: int(node.stat("conn_mem_bytes")) <= 9 << 20, "there is room again")
    left = int(node.stat("curr_connections"))
    for client in stuck:
        client.close()
    lab.until(lambda: int(node.stat("curr_connections")) == 1, "they have gone")
    lab.until(lambda: int(node.stat("conn_mem_bytes")) <= base + (1 << 20), "nothing is left over")
    return "%d of 1000 were left" % left


def case_large_values(lab):
    """Of 8 MB, pipelined, and cut at odd places."""
    node, authority, _ = serve(lab, options=("-m", "256", "-I", "16m"))
    value = random.Random(1).randbytes(BIG)
    for version in (V12, V13):
        with Connection(node.address, 60, authority.client(version=version)) as client:
            assert client.store("big", value) == "STORED"
            assert client.item("big")[2] == value
            client.send(b"get big\r\nget none\r\n" * 3 + b"mn\r\n")
            for _ in range(3):
                assert client.line() == b"VALUE big 0 %d" % BIG
                assert client.take(BIG + 7) == value + b"\r\nEND\r\n"
                assert client.line() == b"END"
            assert client.line() == b"MN"


def case_pipelines(lab):
    """Many small requests in one record, and one request in many records."""
    node, _, _ = serve(lab)
    client = node.client()
    count = 5000
    client.send(b"".join(b"set k%d 0 0 %d\r\n%s\r\n" % (n, n % 50, b"v" * (n % 50))
                         for n in range(count)))
    assert all(client.line() == b"STORED" for _ in range(count))
    client.send(b"get " + b" ".join(b"k%d" % n for n in range(count)) + b"\r\n")
    for n in range(count):
        assert client.line() == b"VALUE k%d 0 %d" % (n, n % 50)
        assert client.line() == b"v" * (n % 50)
    assert client.line() == b"END"
    for byte in b"set s 0 0 3\r\nabc\r\nget s\r\n":
        client.send(bytes([byte]))
    assert [client.line() for _ in range(4)] == [b"STORED", b"VALUE s 0 3", b"abc", b"END"]


def case_reader_that_is_slow(lab):
    """Values between small answers, to a client that reads a little at a time; others are
    served meanwhile."""
    node, authority, _ = serve(lab, options=("-m", "128", "-t", "1"))
    read_slowly(lab, node, authority)


def case_reader_of_small_records(lab):
    """The same with the least room for answers, and with the kernel's help if it can."""
    node, authority, _ = serve(lab, "ssl_wbuf_size=1", "ssl_kernel_tls",
                               options=("-m", "128", "-t", "1"))
    read_slowly(lab, node, authority)


def read_slowly(lab, node, authority):
    value = random.Random(2).randbytes(500000)
    assert node.client().store("big", value) == "STORED"
    assert node.client().store("small", "tiny") == "STORED"
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(node.address)
    raw.settimeout(30 * lab.build.slowness)
    slow = authority.client().wrap_socket(raw, server_hostname="localhost")
    slow.sendall(b"get small big small\r\nmn\r\n" * 6)
    one = (b"VALUE small 0 4\r\ntiny\r\nVALUE big 0 500000\r\n" + value +
           b"\r\nVALUE small 0 4\r\ntiny\r\nEND\r\nMN\r\n")
    got, rng = b"", random.Random(3)
    while len(got) < 6 * len(one):
        got += slow.recv(rng.randrange(1, 40000))
        assert node.ask("get small")[1] == b"tiny"
    assert got == one * 6
    slow.close()


def case_full_cache(lab):
    """Eviction goes on while clients hold values that they do not read."""
    node, authority, _ = serve(lab, options=("-m", "16"))
    value = b"x" * 100000
    holders = []
    for number in range(10):
        assert node.client().store("held%d" % number, value) == "STORED"
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(node.address)
        holders.append(authority.client().wrap_socket(raw, server_hostname="localhost"))
        holders[-1].sendall(b"get held%d\r\n" % number * 3)
        holders[-1].settimeout(10 * lab.build.slowness)
        assert holders[-1].recv(5) == b"VALUE", "the value is not held yet"
    for number in range(500):
        answer = node.client().store("k%d" % number, value)
        assert answer == "STORED", "%d: %s" % (number, answer)
    assert int(node.stat("evictions")) > 100, node.stat("evictions")
    for number, holder in enumerate(holders):
        with holder, holder.makefile("rb") as answer:
            assert answer.readline() == b" held%d 0 100000\r\n" % number
            assert answer.read(len(value)) == value, number
    assert node.client().item("k499")[2] == value


def case_end_with_open_sessions(lab):
    """Requests that have arrived are answered; sessions are ended, not cut."""
    node, _, _ = serve(lab, options=("-m", "64"))
    clients = [node.connect() for _ in range(20)]
    for client in clients:
        assert client.ask("mn") == [b"MN"]
    node.stop()
    for client in clients:
        client.socket.settimeout(10 * lab.build.slowness)
        assert client.socket.recv(1) == b"", "no end was told"
        client.close()


def case_failover(lab):
    """A pair: the standby has the same authority, and clients go on there."""
    authority = Authority(lab.folder)
    pair = authority.issue("server")
    a, b = lab.add_pair(*words(pair))
    for node in (a, b):
        node.tls = authority.client()
        node.start()
    lab.linked(a, b)
    for number in range(500):
        assert a.client().store("k%d" % number, "v%d" % number) == "STORED"
    lab.drained(a)
    a.kill()
    for number in range(500):
        assert b.client().item("k%d" % number)[2] == b"v%d" % number
    assert b.client().store("k0", "new") == "STORED"
    a.start()
    lab.linked(a, b)
    lab.same(a, b, ["k%d" % number for number in range(0, 500, 50)])


def case_passwords_too(lab):
    """-Y and -Z together."""
    path = os.path.join(lab.folder, "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("open:sesame\n")
    node, _, _ = serve(lab, options=("-Y", path))
    with node.connect() as client:
        assert client.ask("get k") == [b"CLIENT_ERROR unauthenticated"]
        assert client.ask("set a 0 0 11\r\nopen sesame") == [b"STORED"]
        assert client.ask("get k") == [b"END"]
