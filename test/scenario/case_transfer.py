"""mcreplctl dump and load: items arrive with value, flags and expiry; a file is complete or
absent; what is broken is refused before anything is stored."""

import os
import resource
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from case_dumps import Line, put_odd
from harness.report import Skip

PLACE = "two"


def run(lab, *words, limit=None):
    """mcreplctl's exit code and output. limit: the largest file that it may write."""
    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    done = subprocess.run([lab.build.mcreplctl, "-t", str(int(3000 * lab.build.slowness)), *words],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          timeout=120 * lab.build.slowness,
                          preexec_fn=prepare if limit is not None else None)
    return done.returncode, done.stdout.decode(errors="replace").strip()


def succeeds(lab, *words):
    code, text = run(lab, *words)
    assert code == 0, "%s: %d: %s" % (" ".join(words), code, text)
    return text


def fails(lab, code, reason, *words, **more):
    told, text = run(lab, *words, **more)
    assert told == code and reason in text, "%s: %d: %s" % (" ".join(words), told, text)


def at(node):
    return "127.0.0.1:%d" % node.port


def value(line, key, flags=b"f v t"):
    line.send(b"mg %s %s\r\n" % (key, flags))
    head = line.file.readline().split()
    if head[0] != b"VA":
        return head, None
    return head, line.file.read(int(head[1]) + 2)[:-2]


def fill(node):
    with Line(node) as line:
        put_odd(line)
        line.send(b"set flags 4294967295 0 5 noreply\r\n\r\n\x00\xff \r\n")
        line.send(b"set soon 1 100 1 noreply\r\ns\r\n")
        line.send(b"set empty 2 %d 0 noreply\r\n\r\n" % (time.time() + 4000000))
        line.send(b"set large 3 0 900000 noreply\r\n" + b"L" * 900000 + b"\r\n")
        line.send(b"".join(b"set n%d 0 0 3 noreply\r\n%03d\r\n" % (i, i % 1000) for i in range(5000)))
        assert line.ask(b"mn") == b"MN\r\n"


def has_all(node):
    with Line(node) as line:
        assert line.stats()["curr_items"] == str(4 + 3 + 4 + 5000), line.stats()["curr_items"]
        told = value(line, b"flags")
        assert told == ([b"VA", b"5", b"f4294967295", b"t-1"], b"\r\n\x00\xff "), told
        head, text = value(line, b"soon")
        assert head[:3] == [b"VA", b"1", b"f1"] and 80 < int(head[3][1:]) <= 102, head
        assert text == b"s"
        head, text = value(line, b"empty")
        assert head[2] == b"f2" and 3990000 < int(head[3][1:]) <= 4000005, head
        head, text = value(line, b"large")
        assert text == b"L" * 900000
        assert value(line, b"YSBi", b"b v")[1] == b"y"
        assert value(line, b"n4999")[1] == b"999"


def case_transfer_file(lab):
    """From a single node to a file, and from there to a pair, both of whose nodes have all."""
    source = lab.single(name="s")
    fill(source)
    path = os.path.join(lab.folder, "items")
    assert "5011 items" in succeeds(lab, "dump", path, at(source))
    a, b = lab.pair()
    assert "5011 items stored" in succeeds(lab, "load", path, at(a))
    lab.drained(a)
    has_all(a)
    has_all(b)


def case_transfer_keeps(lab):
    """What the server has stays, unless --replace is given; expired items are left out."""
    source, target = lab.single(name="s"), lab.single(name="t")
    path = os.path.join(lab.folder, "items")
    with Line(source) as line:
        for text in (b"set k 0 0 3\r\nold", b"set other 0 0 1\r\nx", b"set gone 0 2 1\r\nx"):
            assert line.ask(text) == b"STORED\r\n"
    succeeds(lab, "dump", path, at(source))
    with Line(target) as line:
        assert line.ask(b"set k 0 0 3\r\nnew") == b"STORED\r\n"
        lab.until(lambda: "1 expired" in succeeds(lab, "load", path, at(source)), "`gone` has expired")
        text = succeeds(lab, "load", path, at(target))
        assert "1 items stored" in text and "1 that the server had, 1 expired" in text, text
        assert value(line, b"k")[1] == b"new"
        succeeds(lab, "load", "--replace", path, at(target))
        assert value(line, b"k")[1] == b"old"


def case_transfer_memcached(lab):
    """A memcached moves to a pair, and a pair's items to a memcached."""
    program = shutil.which("memcached")
    if program is None:
        raise Skip("the stock memcached is not installed")
    lab.server = program
    stock = lab.add("stock").start()
    lab.server = None
    fill(stock)
    a, _ = lab.pair()
    assert "5011 items stored" in succeeds(lab, "load", at(stock), at(a))
    has_all(a)
    with Line(stock) as line:
        assert line.ask(b"flush_all") == b"OK\r\n"
    lab.until(lambda: value_is_gone(stock), "the flush has taken effect")
    assert "5011 items stored" in succeeds(lab, "load", at(a), at(stock))
    fails(lab, 1, "does not know the flag E", "load", "--cas", "--replace", at(a), at(stock))


def value_is_gone(node):
    with Line(node) as line:
        return line.ask(b"mg n1 v") == b"EN\r\n"


def case_transfer_broken_files(lab):
    """A file that lacks a byte, or has a wrong one, is refused, and nothing is stored."""
    node = lab.single()
    path = os.path.join(lab.folder, "items")
    with Line(node) as line:
        for i in range(3):
            assert line.ask(b"set k%d 7 0 4\r\nabcd" % i) == b"STORED\r\n"
        succeeds(lab, "dump", path, at(node))
        assert line.ask(b"flush_all") == b"OK\r\n"
        with open(path, "rb") as file:
            whole = file.read()
        broken = [whole[:n] for n in range(0, len(whole), 9)] + [whole + b"x", b"", b"\x00" * 5000, whole * 2]
        broken += [whole[:i] + bytes([whole[i] ^ 0x55]) + whole[i + 1:] for i in range(0, len(whole), 9)]
        for content in broken:
            with open(path, "wb") as file:
                file.write(content)
            fails(lab, 1, path, "load", path, at(node))
        assert line.stats()["cmd_set"] == "3"
    fails(lab, 1, "No such file", "load", path + ".none", at(node))
    fails(lab, 1, "directory", "load", lab.folder, at(node))


def case_transfer_full_disk(lab):
    """A dump that does not fit leaves no file, and an older one as it was."""
    node = lab.single()
    fill(node)
    path = os.path.join(lab.folder, "items")
    for limit in (0, 5, 5000, 200000):  # the first ones have no room for the list of keys either
        code, text = run(lab, "dump", path, at(node), limit=limit)
        assert code in (1, 3) and "File too large" in text, (limit, code, text)
        assert not [name for name in os.listdir(lab.folder) if name.startswith("items")]
    succeeds(lab, "dump", path, at(node))
    size = os.path.getsize(path)
    fails(lab, 1, "File too large", "dump", path, at(node), limit=200000)
    assert os.path.getsize(path) == size
    assert [n for n in os.listdir(lab.folder) if n.startswith("items")] == ["items"]


def case_transfer_no_file(lab):
    """What is no file, such as a device, is not replaced by a dump."""
    node = lab.single()
    path = os.path.join(lab.folder, "items")
    os.mkfifo(path)
    fails(lab, 1, "not a regular file", "dump", path, at(node))
    assert stat.S_ISFIFO(os.lstat(path).st_mode)


KEYS = b"key=a exp=-1 la=0 cas=1 fetch=no cls=1 size=60\nkey=%62 exp=-1\n"
SAID = (  # what a false server says to each request, and what mcreplctl says of it
    ([b"key=a exp=-1 la"], "closed the connection"),
    ([b""], "closed the connection"),
    ([b"ERROR\r\n"], "no dump of its keys"),
    ([b"BUSY currently processing crawler request\r\n"], "BUSY"),
    ([KEYS + b"key=%4 exp=-1\n"], "no dump of its keys"),
    ([KEYS + b"key= exp=-1\n"], "no dump of its keys"),
    ([b"key=" + b"a" * 251 + b" exp=-1\nEND\r\n"], "no dump of its keys"),
    ([b"key=" + b"a" * 100000], "a line without an end"),
    ([b"\x00" * 50 + b"\n"], "no dump of its keys"),
    ([KEYS], "closed the connection"),
    ([KEYS + b"END\r\n", b""], "closed the connection"),
    ([KEYS + b"END\r\n", b"VA 5 f0 t-1 c1\r\nab"], "closed the connection"),
    ([KEYS + b"END\r\n", b"VA 2 f0 t-1 c1\r\nab\r\n"], "closed the connection"),
    ([KEYS + b"END\r\n", b"VA 2 f0 t-1 c1\r\nabcdef\r\n"], "does not end where it should"),
    ([KEYS + b"END\r\n", b"VA -1 f0\r\n"], "an impossible value"),
    ([KEYS + b"END\r\n", b"VA 99999999999999999999 f0\r\n"], "an impossible value"),
    ([KEYS + b"END\r\n", b"EN\r\nSERVER_ERROR out of memory\r\n"], "does not give a value"),
)


def false_server(answers):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        client, _ = listener.accept()
        with client:
            for answer in answers:
                if not client.recv(65536):
                    return
                client.sendall(answer)
        listener.close()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def case_transfer_false_source(lab):
    """A source that stops in the middle, or says nonsense, gives no file, and an error."""
    path = os.path.join(lab.folder, "items")
    for answers, reason in SAID:
        fails(lab, 3, reason, "dump", path, false_server(answers))
        assert not os.path.exists(path), answers
    address = false_server([KEYS + b"END\r\n", b"EN\r\nVA 2 f9 t-1 c1\r\nab\r\n"])
    assert "1 items, 3 bytes" in succeeds(lab, "dump", path, address)
    fails(lab, 3, "cannot reach", "dump", path, "127.0.0.1:1")
    fails(lab, 2, "name of a file", "dump")
    fails(lab, 2, "load takes nothing more", "load", "a", "b", "c")


def case_transfer_full_cache(lab):
    """Loading more than fits evicts, as clients' sets would; and a cache that evicts while it
    is read is dumped."""
    source, target = lab.single("-m", "64", name="s"), lab.single("-m", "8", name="t")
    with Line(source) as line:
        for i in range(2500):
            line.send(b"set k%d 0 0 9000 noreply\r\n%s\r\n" % (i, b"x" * 9000))
        assert line.ask(b"mn") == b"MN\r\n"
    text = succeeds(lab, "load", at(source), at(target))
    assert "2500 items stored" in text, text
    stop = threading.Event()

    def store():
        with Line(target) as line:
            i = 0
            while not stop.is_set():
                assert line.ask(b"set m%d 0 0 9000\r\n%s" % (i, b"y" * 9000)) == b"STORED\r\n"
                i += 1
    writer = threading.Thread(target=store)
    writer.start()
    try:
        path = os.path.join(lab.folder, "items")
        succeeds(lab, "dump", path, at(target))
        succeeds(lab, "load", path, at(source))
    finally:
        stop.set()
        writer.join()
