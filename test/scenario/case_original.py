"""memcached's engine-capable server (its branch engine-pu): our modules in that server, and
its modules in mcd. MCD_ORIGINAL is the path of such a server; its modules are beside it, or
in .libs/ there, as it is built."""

import os
import struct

from harness.report import Failed, Skip

SCRUB, READ, NOOP = 0xF0, 0xF1, 0x0A
SUCCESS, RANGE, BUSY = 0x00, 0x22, 0x85
TEXT = (
    (b"set k 5 0 3\r\nabc\r\n", b"STORED"), (b"add k 0 0 1\r\nx\r\n", b"NOT_STORED"),
    (b"append k 0 0 1\r\nd\r\n", b"STORED"), (b"prepend k 0 0 1\r\n_\r\n", b"STORED"),
    (b"replace r 0 0 1\r\nx\r\n", b"NOT_STORED"), (b"set n 0 0 2\r\n10\r\n", b"STORED"),
    (b"incr n 5\r\n", b"15"), (b"decr n 6\r\n", b"9"), (b"set gone 0 0 1\r\nx\r\n", b"STORED"),
    (b"delete gone\r\n", b"DELETED"), (b"delete gone\r\n", b"NOT_FOUND"),
)
QUIET = (
    (0x11, b"q", struct.pack("!II", 1, 0), b"5"), (0x19, b"q", b"", b"0"), (0x0D, b"absent"),
    (0x15, b"q", struct.pack("!QQI", 2, 0, 0)), (0x11, b"z", struct.pack("!II", 1, 0), b"x"), (0x14, b"z"),
)


def original():
    """The server, and a function that finds its modules."""
    server = os.environ.get("MCD_ORIGINAL")
    if not server:
        raise Skip("MCD_ORIGINAL does not name a memcached with storage engines")
    folder = os.path.dirname(os.path.abspath(server))

    def module(name):
        for path in (os.path.join(folder, name), os.path.join(folder, ".libs", name)):
            if os.path.exists(path):
                return path
        raise Failed("%s is neither beside %s nor in .libs/" % (name, server))
    return os.path.abspath(server), module


def expect(wanted, got, what):
    if got != wanted:
        raise Failed("%s: %r, not %r" % (what, got, wanted))


def packet(opcode, key=b"", extras=b"", value=b""):
    body = extras + key + value
    return struct.pack("!BBHBBHIIQ", 0x80, opcode, len(key), len(extras), 0, 0, len(body), 7, 0) + body


def binary(node, *parts):
    """The status and the body of the answer."""
    with node.connect() as client:
        client.send(packet(*parts))
        head = struct.unpack("!BBHBBHIIQ", client.take(24))
        return head[5], client.take(head[6])


def line(node, sent):
    with node.connect() as client:
        client.send(sent)
        return client.line()


def use(node):
    """Changes by both protocols; returns the keys that are there."""
    for sent, wanted in TEXT:
        expect(wanted, line(node, sent), sent)
    status, _ = binary(node, 0x01, b"b", struct.pack("!II", 7, 0), b"binary")
    expect(SUCCESS, status, "binary set")
    expect((SUCCESS, struct.pack("!I", 7) + b"binary"), binary(node, 0x00, b"b"), "binary get")
    expect(SUCCESS, binary(node, 0x1C, b"b", struct.pack("!I", 100))[0], "binary touch")
    return ("k", "n", "b")


def use_more(node):
    """Words and opcodes that are not about one item only, and quiet ones; none may end the server."""
    for sent, wanted in ((b"verbosity 2\r\n", b"OK"), (b"verbosity\r\n", b"ERROR"), (b"verbosity 0\r\n", b"OK"),
                         (b"stats settings\r\n", b"STAT"), (b"stats reset\r\n", b"RESET")):
        expect(wanted, line(node, sent).split()[0], sent)
    for level in (2, 0):
        expect(SUCCESS, binary(node, 0x1B, b"", struct.pack("!I", level))[0], "binary verbosity")
    for quiet in QUIET:
        with node.connect() as client:
            client.send(packet(*quiet) + packet(NOOP))
            expect(NOOP, client.take(24)[1], "what is answered after quiet 0x%02x" % quiet[0])
    expect((SUCCESS, struct.pack("!I", 1) + b"52"), binary(node, 0x00, b"q"), "after quiet commands")
    return ("q",)


def spoil(node):
    """Garbage, and requests that end in the middle; the server must live on."""
    for sent in (b"\x80\x01" + b"\xff" * 22, b"\0" * 64, b"\x80\x00\x00\x05\x00", b"set x 0 0 -1\r\n",
                 b"set x 0 0 99\r\nabc", b"x" * 1000 + b"\r\n"):
        with node.connect() as client:
            client.send(sent)
    expect(b"VERSION", line(node, b"version\r\n").split()[0], "version after garbage")


def pair_in(lab, server, over):
    a, b = lab.add_pair(over=over)
    for node in (a, b):
        node.command[0] = server
        node.start()
    lab.linked(a, b)
    return a, b


def check_pair(lab, server, over):
    a, b = pair_in(lab, server, over)
    keys = use(a) + use_more(a)
    lab.drained(a)
    lab.same(a, b, keys)
    spoil(a)
    code, text = a.ctl("handover")
    expect(0, code, "handover (%s)" % text)
    expect(b"STORED", line(b, b"set after 0 0 1\r\nx\r\n"), "a set after the handover")
    lab.drained(b)
    b.kill()
    code, text = a.ctl("promote")
    expect(0, code, "promote (%s)" % text)
    expect(b"STORED", line(a, b"set alone 0 0 1\r\nx\r\n"), "a set after the fail-over")
    b.start()
    lab.linked(a, b)
    lab.drained(a)
    lab.same(a, b, keys + ("after", "alone"))
    expect(b"OK", line(a, b"flush_all\r\n"), "flush_all")
    lab.drained(a)
    lab.until(lambda: b.client().item("k") is None, "flush_all reaches the peer")


def case_server_with_our_store(lab):
    server, _ = original()
    check_pair(lab, server, lab.build.default_engine)


def case_server_with_its_store(lab):
    server, module = original()
    check_pair(lab, server, module("default_engine.so"))


def case_mcd_with_its_store(lab):
    _, module = original()
    check_pair(lab, lab.build.mcd, module("default_engine.so"))


def check_extensions(node):
    expect(b"OK", line(node, b"noop\r\n"), "noop")
    expect(b"echo [a] [b]", line(node, b"echo a b\r\n"), "echo")
    expect(b"OK", line(node, b"scrub\r\n"), "scrub")
    expect(b"STORED", line(node, b"set k 0 0 5\r\nhello\r\n"), "set")
    status, body = binary(node, READ, b"k", struct.pack("!II", 1, 3))
    expect((SUCCESS, b"ell"), (status, body), "a read of a part")
    expect(RANGE, binary(node, READ, b"k", struct.pack("!II", 4, 3))[0], "a read past the end")


def check_scrub(lab, node):
    def again():
        status = binary(node, SCRUB)[0]
        if status not in (SUCCESS, BUSY):
            raise Failed("SCRUB is answered with 0x%02x" % status)
        return status == SUCCESS
    lab.until(again, "SCRUB is accepted")
    lab.until(lambda: node.stats("scrub")["scrubber:status"] == "stopped", "the scrubber stops")
    expect({"scrubber:visited", "scrubber:cleaned"},
           {"scrubber:visited", "scrubber:cleaned"} & set(node.stats("scrub")), "stats scrub")


def case_extensions(lab):
    """Its extensions in each server over each store, and in a node of a pair."""
    server, module = original()
    options = [word for name in ("example_protocol.so", "ascii_scrub.so", "fragment_rw_ops.so")
               for word in ("-X", module(name))]
    engines = (lab.build.default_engine, module("default_engine.so"), lab.build.repl_engine)
    for number, engine in enumerate(engines):
        for program in (lab.build.mcd, server):
            config = "engine=" + engines[1] if engine == lab.build.repl_engine else ""
            node = lab.add("%s%d" % (os.path.basename(program), number), *options, engine=engine,
                           config=config)
            node.command[0] = program
            node.start()
            check_extensions(node)
            check_scrub(lab, node)
            node.stop()


def case_evictions_without_a_peer(lab):
    """Over an engine that is not ours; it is not memcached's, so no such server is needed."""
    node = lab.add("a", "-m", "16", engine=lab.build.repl_engine,
                   config="engine=" + lab.build.foreign_engine).start()
    for number in range(400):
        expect("STORED", node.client().store("key%d" % number, "x" * 100000), "a set")
    if node.stat("evictions") == "0":
        raise Failed("nothing was evicted")


def case_scrub(lab):
    """Without such a server: mcd over our store."""
    check_scrub(lab, lab.single())
