"""Dumps of the keys, statistics and orders of operators' tools, as memcached 1.6.18 has
them: lines byte by byte."""

import base64
import re
import shutil
import socket
import subprocess
import time
import urllib.parse

from harness.report import Skip

PLACE = "two"
MANY = 200000  # so many that sockets cannot hold a dump of them
NAMES = ["plain", "a%20b", "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~", "\u00fc"]
BLANKS = [b"a b", b"a\nb", b"\x00\xff"]
META = re.compile(rb"key=(\S+) exp=(-1|\d+) la=(-1|\d+) cas=\d+ fetch=(yes|no) cls=1 size=\d+\n")


class Line:
    """A text connection that reads lines."""

    def __init__(self, node):
        self.socket = socket.create_connection(("127.0.0.1", node.port), timeout=20)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.file.close()
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text)

    def ask(self, text):
        self.send(text + b"\r\n")
        return self.file.readline()

    def upto(self, text, ends):
        self.send(text + b"\r\n")
        lines = []
        while True:
            line = self.file.readline()
            assert line, "the connection was closed after %r" % lines[-1:]
            if line in ends:
                return lines, line
            lines.append(line)

    def stats(self, group=b""):
        lines, _ = self.upto(b"stats " + group, (b"END\r\n",))
        for line in lines:
            assert len(line.split()) == 3, "not three words: %r" % line
        return {line.split()[1].decode(): line.split()[2].decode() for line in lines}


def fill(line, n):
    line.send(b"".join(b"set key:%d 5 0 3 noreply\r\nval\r\n" % i for i in range(n)))
    assert line.ask(b"mn") == b"MN\r\n"


def put_odd(line):
    for name in NAMES:
        line.send(b"set %s 0 1000 1\r\nx\r\n" % name.encode())
        assert line.file.readline() == b"STORED\r\n", name
    for key in BLANKS:
        assert line.ask(b"ms %s 1 b\r\ny" % base64.b64encode(key)) == b"HD\r\n"


def case_dumps_formats(lab):
    """Every key once, encoded as memcached does, with the moment at which it expires."""
    node = lab.single()
    with Line(node) as line:
        put_odd(line)
        lines, _ = line.upto(b"lru_crawler metadump all", (b"END\r\n",))
        seen = {}
        for text in lines:
            found = META.fullmatch(text)
            assert found, text
            seen[urllib.parse.unquote_to_bytes(found[1])] = int(found[2])
        assert sorted(seen) == sorted([n.encode() for n in NAMES] + BLANKS), seen
        for name in NAMES:
            assert abs(seen[name.encode()] - time.time() - 1000) < 5, seen
        assert seen[b"a b"] == -1
        line.upto(b"get plain", (b"END\r\n",))
        lines, _ = line.upto(b"lru_crawler metadump 1", (b"END\r\n",))
        assert [b"key=plain " in text for text in lines] == [b" fetch=yes " in text for text in lines]
        assert b"key=a%2520b exp=" in b"".join(lines) and b"key=%C3%BC " in b"".join(lines)
        lines, _ = line.upto(b"lru_crawler mgdump hash", (b"EN\r\n",))
        want = [b"mg %s\r\n" % n.encode() for n in NAMES]
        want += [b"mg %s b\r\n" % base64.b64encode(key) for key in BLANKS]
        assert sorted(lines) == sorted(want), lines
        lines, _ = line.upto(b"stats cachedump 1 0", (b"END\r\n",))
        assert len(lines) == len(NAMES), lines
        assert all(re.fullmatch(rb"ITEM \S+ \[1 b; \d+ s\]\r\n", text) for text in lines), lines
        assert len(line.upto(b"stats cachedump 1 2", (b"END\r\n",))[0]) == 2


ORDERS = (
    ("lru_crawler metadump 0", "BADCLASS invalid class id"),
    ("lru_crawler metadump 99", "BADCLASS invalid class id"),
    ("lru_crawler metadump x", "BADCLASS invalid class id"),
    ("lru_crawler metadump", "ERROR"), ("lru_crawler metadump all all", "ERROR"),
    ("lru_crawler metadump 63", "END"), ("stats cachedump 0 0", "END"),
    ("stats cachedump 64 0", "CLIENT_ERROR Illegal slab id"),
    ("stats cachedump 1", "CLIENT_ERROR bad command line"),
    ("stats cachedump", "CLIENT_ERROR bad command line"),
    ("stats cachedump x y", "CLIENT_ERROR bad command line format"),
    ("stats cachedump -1 0", "CLIENT_ERROR bad command line format"),
    ("lru_crawler", "ERROR"), ("lru_crawler enable", "OK"), ("lru_crawler disable", "OK"),
    ("lru_crawler sleep", "ERROR"), ("lru_crawler sleep 10", "OK"),
    ("lru_crawler sleep x", "CLIENT_ERROR bad command line format"),
    ("lru_crawler sleep 2000000", "CLIENT_ERROR sleep must be one second or less"),
    ("lru_crawler tocrawl 5", "OK"), ("lru_crawler crawl all", "OK"),
    ("lru_crawler crawl 1,2", "BADCLASS invalid class id"), ("lru_crawler other x", "ERROR"),
    ("slabs", "ERROR"), ("slabs automove 1", "OK"), ("slabs automove ratio 0.5", "OK"),
    ("slabs automove x", "CLIENT_ERROR bad command line format"),
    ("slabs reassign 1 2", "NOSPARE source class has no spare pages"),
    ("slabs reassign 1", "ERROR"), ("lru", "ERROR"), ("lru tune 10 20 0.1 0.2", "OK"),
    ("lru mode flat", "OK"), ("lru temp_ttl 3", "OK"),
    ("verbosity 1 2", "OK"), ("verbosity 0", "OK"), ("cache_memlimit x", "ERROR"),
    ("cache_memlimit", "ERROR"), ("cache_memlimit 64", "OK"),
    ("cache_memlimit 4", "MEMLIMIT_TOO_SMALL cannot set maxbytes to less than 8m"),
)


def case_dumps_orders(lab):
    """Orders of tools are answered as memcached answers them; with noreply not at all."""
    node = lab.single()
    with Line(node) as line:
        for order, answer in ORDERS:
            told = line.ask(order.encode())
            assert told == answer.encode() + b"\r\n", "%s: %r" % (order, told)
        for order in ("lru_crawler enable", "lru tune 1 2 3 4", "slabs automove 1", "verbosity 0",
                      "cache_memlimit 64", "cache_memlimit 1", "lru_crawler other"):
            assert line.ask(order.encode() + b" noreply\r\nmn") == b"MN\r\n", order


def case_dumps_slow_reader(lab):
    """Over a pair; a reader that does not read neither holds up others nor costs memory."""
    a, b = lab.pair()
    with Line(a) as line, Line(a) as slow:
        fill(line, MANY)
        lab.drained(a)
        slow.send(b"lru_crawler metadump all\r\n")
        assert line.ask(b"get key:7") == b"VALUE key:7 5 3\r\n"
        line.file.readline(), line.file.readline()
        assert int(line.stats()["conn_mem_bytes"]) < 1 << 20
        fill(line, MANY + 1000)
        line.send(b"flush_all\r\n")
        assert line.file.readline() == b"OK\r\n"
        ends = [text for text in iter(slow.file.readline, b"END\r\n") if not META.fullmatch(text)]
        assert not ends, ends
    lab.drained(a)
    with Line(b) as line:
        assert line.upto(b"lru_crawler metadump all", (b"END\r\n",))[0] == []


def case_dumps_most(lab):
    """The fifth dump at once is told to come later; closed connections make room."""
    node = lab.single()
    with Line(node) as line:
        fill(line, MANY)
        busy = [Line(node) for _ in range(4)]
        for other in busy:
            other.send(b"lru_crawler metadump all\r\n")
            other.file.readline()
        told = line.ask(b"lru_crawler mgdump all")
        assert told == b"BUSY currently processing crawler request\r\n", told
        for other in busy:
            other.__exit__()
        deadline = time.monotonic() + 10
        while line.ask(b"lru_crawler metadump 2") != b"END\r\n":
            assert time.monotonic() < deadline, "the dumps of closed connections go on"


def case_dumps_refused(lab):
    node = lab.single("--disable-dumping")
    with Line(node) as line:
        assert line.stats(b"settings")["dump_enabled"] == "no"
        assert line.ask(b"lru_crawler metadump all") == b"ERROR metadump not allowed\r\n"
        told = line.ask(b"stats cachedump 1 0")
        assert told == b"CLIENT_ERROR stats cachedump not allowed\r\n", told


def case_dumps_memcdump(lab):
    if shutil.which("memcdump") is None:
        raise Skip("memcdump is not installed (libmemcached-tools)")
    a, _ = lab.pair()
    with Line(a) as line:
        fill(line, 3000)
    ran = subprocess.run(["memcdump", "--servers=127.0.0.1:%d" % a.port], capture_output=True,
                         timeout=60, check=True)
    assert sorted(ran.stdout.split()) == sorted(b"key:%d" % i for i in range(3000))


DETAIL = (
    ("get a:1", "a get 1 hit 1 set 0 del 0"), ("get a:9", "a get 1 hit 0 set 0 del 0"),
    ("mg a:1 v", None), ("delete a:9", "a get 0 hit 0 set 0 del 1"), ("incr a:1 1", None),
    ("touch a:1 10", None), ("gat 10 a:1", "a get 1 hit 1 set 0 del 0"),
    ("set a:1 0 0 1\r\nx", "a get 0 hit 0 set 1 del 0"), ("ms a:1 1\r\nx", None),
    ("get plain", None), ("get :x", " get 1 hit 0 set 0 del 0"),
    ("get a:1:2", "a get 1 hit 0 set 0 del 0"),
)


def case_dumps_detail(lab):
    """stats detail counts by the prefix of keys what memcached counts."""
    node = lab.single()
    with Line(node) as line:
        for command, counted in DETAIL:
            line.ask(b"stats detail on")
            line.ask(b"set a:1 0 0 1\r\n1")
            line.ask(b"stats reset")
            line.upto(command.encode() + b"\r\nmn", (b"MN\r\n",))
            lines, _ = line.upto(b"stats detail dump", (b"END\r\n",))
            want = [b"PREFIX %s\r\n" % counted.encode()] if counted is not None else []
            assert lines == want, (command, lines)
        line.ask(b"stats detail off")
        line.upto(b"get b:1", (b"END\r\n",))
        assert b"PREFIX b" not in b"".join(line.upto(b"stats detail dump", (b"END\r\n",))[0])
        assert line.stats(b"settings")["detail_enabled"] == "no"
    other = lab.single("-D", "/", name="b")
    with Line(other) as line:
        assert line.stats(b"settings")["stat_key_prefix"] == "/"
        line.upto(b"get x/y", (b"END\r\n",))
        lines, _ = line.upto(b"stats detail dump", (b"END\r\n",))
        assert lines == [b"PREFIX x get 1 hit 0 set 0 del 0\r\n"], lines


COUNTED = (
    ("mg k v T10", {"cmd_touch": 1, "touch_hits": 1}),
    ("mg none v T10", {"cmd_get": 1, "get_misses": 1}),
    ("gat 10 k", {"cmd_touch": 1, "touch_hits": 1}),
    ("gat 10 none", {"cmd_touch": 1, "touch_misses": 1}),
    ("mg k t", {"cmd_get": 1, "get_hits": 1}), ("get k none", {"cmd_get": 2, "get_hits": 1,
                                                               "get_misses": 1}),
)


def case_dumps_counters(lab):
    """Counters of mg T as memcached has them; those of the one class are those of all."""
    node = lab.single()
    names = ("cmd_get", "get_hits", "get_misses", "cmd_touch", "touch_hits", "touch_misses")
    with Line(node) as line:
        for command, want in COUNTED:
            line.ask(b"set k 0 0 1\r\nx")
            line.ask(b"stats reset")
            line.upto(command.encode() + b"\r\nmn", (b"MN\r\n",))
            stats = line.stats()
            told = {name: int(stats[name]) for name in names if stats[name] != "0"}
            assert told == want, (command, told)
        slabs = line.stats(b"slabs")
        assert slabs["1:get_hits"] == "1" and slabs["1:used_chunks"] == "1", slabs
        assert line.stats(b"items")["items:1:number"] == "1"
        line.ask(b"set gone 0 -1 1\r\nx")
        line.upto(b"get gone", (b"END\r\n",))
        assert line.stats()["get_expired"] == "1"


def used(line):
    return int(line.stats()["engine_used_bytes"])


def case_dumps_memlimit(lab):
    """Lower limits are reached in the background, while clients go on; higher ones at once."""
    a, b = lab.pair()
    value = b"x" * 10000
    with Line(a) as line:
        for i in range(5500):
            line.send(b"set k%d 0 0 10000 noreply\r\n%s\r\n" % (i, value))
        assert line.ask(b"mn") == b"MN\r\n"
        assert used(line) > 50 << 20
        assert line.ask(b"cache_memlimit 16") == b"OK\r\n"
        assert line.stats()["limit_maxbytes"] == str(16 << 20)
        deadline, i = time.monotonic() + 30, 0
        while used(line) > 16 << 20:
            began = time.monotonic()
            assert line.ask(b"set n%d 0 0 10000\r\n%s" % (i, value)) == b"STORED\r\n"
            assert time.monotonic() - began < 2, "a client had to wait"
            assert began < deadline, "still %d bytes" % used(line)
            i += 1
        assert int(line.stats()["evictions"]) > 1000
        assert line.ask(b"cache_memlimit 100000000").startswith(b"MEMLIMIT_ADJUST_FAILED ")
        assert line.ask(b"cache_memlimit 64") == b"OK\r\n"
        for i in range(4000):
            line.send(b"set k%d 0 0 10000 noreply\r\n%s\r\n" % (i, value))
        assert line.ask(b"mn") == b"MN\r\n"
        assert used(line) > 30 << 20
    with Line(b) as line:
        assert line.stats()["limit_maxbytes"] == str(64 << 20), "the limit is not replicated"
