"""watch: lines of what clients do, and of what the store evicts, as memcached 1.6 has them."""

import os
import re
import socket
import struct
import threading
import time

from harness.certificates import Authority
from harness.wire import Connection, Timeout

PLACE = "two"
LINE = re.compile(rb"ts=\d+\.\d{6} gid=(\d+) type=(\S+) ?(.*)")
EVICTION = re.compile(rb"key=\S+ fetch=(?:yes|no) ttl=-?\d+ la=\d+ clsid=1 size=\d+")
VALUE = b"v" * 20000


class Watcher(Connection):
    def __init__(self, node, words="", login=None, tls=None):
        super().__init__(node.address, 20 * node.lab.build.slowness, tls)
        if login:
            assert self.ask(login) == [b"STORED"]
        self.send(b"watch %s\r\n" % words.encode())
        told = self.line()
        assert told == b"OK", told

    def event(self):
        line = self.line(b"\n")
        found = LINE.fullmatch(line)
        assert found, line
        return int(found[1]), found[2].decode(), found[3].decode()

    def expect(self, kind, text):
        told = self.event()
        assert told[1] == kind and re.fullmatch(text, told[2]), told


def case_lines(lab):
    """What each command tells, in the order in which it was done."""
    node = lab.single()
    with Watcher(node, "fetchers mutations deletions") as watcher, node.connect() as client:
        client.ask("set a 0 100 5\r\n12345")
        client.ask("gets a none")
        client.ask("touch a 50")
        client.ask("incr a 1")
        client.ask("md a")
        client.ask("ms b%c 2 MA\r\nxy")
        client.ask("ma n N0 J7")
        watcher.expect("item_get", r"key=a status=not_found clsid=0 cfd=\d+ size=0")
        watcher.expect("item_store", r"key=a status=stored cmd=set ttl=(99|100) clsid=1 cfd=\d+ size=5")
        watcher.expect("item_get", r"key=a status=found clsid=1 cfd=\d+ size=5")
        watcher.expect("item_get", r"key=none status=not_found clsid=0 cfd=\d+ size=0")
        for _ in range(3):
            watcher.expect("item_get", r"key=a status=found clsid=1 cfd=\d+ size=5")
        watcher.expect("deleted", r"key=a cmd=md clsid=1 size=5")
        watcher.expect("item_get", r"key=b%25c status=not_found clsid=0 cfd=\d+ size=0")
        watcher.expect("item_store", r"key=b%25c status=not_stored cmd=append ttl=0 clsid=1 cfd=\d+ size=2")
        watcher.expect("item_get", r"key=n status=not_found clsid=0 cfd=\d+ size=0")
        watcher.expect("item_store", r"key=n status=stored cmd=add ttl=0 clsid=0 cfd=\d+ size=1")


def event_with(watcher, text):
    """The next event with this text: the harness also has connections."""
    while True:
        told = watcher.event()
        if text in told[2]:
            return told


def case_connections(lab):
    """A client that breaks off is told with the address that it had."""
    node = lab.single()
    with Watcher(node, "connevents") as watcher:
        with node.connect() as client:
            port = "rport=%d " % client.socket.getsockname()[1]
            told = event_with(watcher, port)
            assert told[1] == "conn_new" and "rip=127.0.0.1 " in told[2], told
            by_reset = struct.pack("ii", 1, 0)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, by_reset)
        told = event_with(watcher, port)
        assert told[1] == "conn_close" and "rip=127.0.0.1 " in told[2], told
        assert " transport=tcp reason=error cfd=" in told[2], told


def evict(client, count):
    client.send(b"".join(b"set fill:%d 0 0 %d noreply\r\n%s\r\n" % (i, len(VALUE), VALUE)
                         for i in range(count)) + b"mn\r\n")
    assert client.line() == b"MN"


def case_evictions(lab):
    """Each eviction of a node is told once, whichever thread it was."""
    node = lab.single("-m", "4", "-o", "watcher_logbuf_size=8192,worker_logbuf_size=1024")
    with Watcher(node, "evictions") as watcher, node.connect() as client:
        evict(client, 1000)
        lab.until(lambda: int(node.stat("evictions")) >= 500, "it evicts")
        keys = set()
        lab.until(lambda: node.stat("log_worker_written") == node.stat("evictions"), "all are told")
        while len(keys) < int(node.stat("evictions")):
            line = watcher.line(b"\n")
            found = LINE.fullmatch(line)
            assert found and found[2] == b"eviction" and EVICTION.fullmatch(found[3]), line
            keys.add(found[3])


def case_standby_evicts(lab):
    """A standby tells the evictions that it repeats; a pair's watchers know of fetches."""
    a, b = lab.pair("-m", "4")
    with Watcher(b, "evictions") as watcher, a.connect() as client:
        evict(client, 600)
        lab.drained(a)
        assert watcher.event()[1] == "eviction"
        with Watcher(a, "fetchers") as gets:
            client.ask("get fill:599")
            gets.expect("item_get", r"key=fill%3A599 status=found clsid=1 cfd=\d+ size=20000")
            client.ask("delete fill:599")
            gets.expect("item_get", r"key=fill%3A599 status=found clsid=1 cfd=\d+ size=20000")


def case_stuck(lab):
    """One that does not read: others are not slower for it, and its memory has a limit."""
    node = lab.single("-t", "1", "-o", "watcher_logbuf_size=64")
    with Watcher(node) as watcher, node.connect() as client:
        def skipping():
            client.send(b"get none\r\n" * 1000)
            client.take(5 * 1000)
            return int(node.stat("log_watcher_skipped")) > 0

        lab.until(skipping, "lines are skipped", 60)
        assert int(node.stat("conn_mem_bytes")) < 1 << 20
        names = "log_watcher_sent", "log_watcher_skipped"
        lab.until(lambda: sum(int(node.stat(name)) for name in names) ==
                  int(node.stat("log_worker_written")), "each line is sent or skipped")
        wanted = b"skipped=%d" % int(node.stat("log_watcher_skipped"))
        began = time.monotonic()
        while watcher.line(b"\n") != wanted:
            assert time.monotonic() - began < 60 * lab.build.slowness
        client.ask("get none")
        watcher.expect("item_get", "key=none .*")
    lab.until(lambda: node.stat("log_watchers") == "0", "it has left")


def case_encrypted_with_password(lab):
    """Over TLS and with -Y; nobody watches without the password."""
    authority = Authority(lab.folder)
    pair = authority.issue("server")
    path = os.path.join(lab.folder, "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write("open:sesame\n")
    node = lab.single("-Z", "-o", "ssl_chain_cert=%s,ssl_key=%s" % pair, "-Y", path)
    node.tls = authority.client()
    login = "set a 0 0 11\r\nopen sesame"
    with node.connect() as client:
        assert client.ask("watch") == [b"CLIENT_ERROR unauthenticated"]
        assert client.ask(login) == [b"STORED"]
        with Watcher(node, "fetchers", login, node.tls) as watcher:
            for i in range(5000):
                client.ask("get key:%d" % i)
            for i in range(5000):
                watcher.expect("item_get", r"key=key%%3A%d status=not_found .*" % i)


def case_many_clients(lab):
    """Many threads, one watcher that reads: what it is not told of is counted."""
    node = lab.single("-t", "4", "-o", "watcher_logbuf_size=4096,worker_logbuf_size=2048")
    count, gids = 5000, set()

    def play():
        with node.connect() as client:
            client.send(b"get none\r\n" * count)
            client.take(5 * count)

    with Watcher(node) as watcher:
        threads = [threading.Thread(target=play) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        lost = int(node.stat("log_worker_dropped")) + int(node.stat("log_watcher_skipped"))
        while len(gids) < 4 * count - lost:
            gids.add(watcher.event()[0])
        watcher.timeout = 0.3
        try:
            assert watcher.line(b"\n") is None, "a line too many"
        except Timeout:
            pass
