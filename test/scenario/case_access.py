"""-Y: clients give a password first. All answers are memcached's, byte for byte."""

import os
import shutil
import signal
import subprocess

from harness.report import Failed, Skip
from harness.wire import Closed

PLACE = "mcd"
SECRETS = ("open", "sesame", "quux")
RIGHT = b"set a 0 0 11\r\nopen sesame\r\n"
GET = b"get none\r\n"

# What each of several connections sends, one after the other: memcached forgets answers to
# what is refused if more follows at once.
SENDS = (
    (RIGHT, GET, b"mn\r\n", RIGHT),
    (b"set a 0 0 9\r\nopen secr\r\n", GET, RIGHT, GET),
    (b"get k\r\n", b"version\r\n", b"quit\r\n", b"shutdown\r\n", b"stats\r\n", b"\r\n"),
    (b"set k 0 0 2\r\nhi\r\n", GET),
    (b"set k 0 0 0\r\n\r\n", GET),
    (b"add k 0 0 11\r\n", b"open sesame\r\n", RIGHT, b"mn\r\n"),
    (b"set k 0 0\r\n", b"set\r\n", b"set k 0 0 x\r\n", b"set k 0 0 -1\r\n", RIGHT),
    (b"set k 0 0 11 noreply\r\nopen sesame\r\n", b"mn\r\n"),
    (b"set k x y 13 z\nopen  sesame \r\n", b"mn\r\n"),
    (b"set " + b"k" * 300 + b" 0 0 11\r\nopen sesame\r\n", b"mn\r\n"),
    (b"set k 0 0 11\r\nopen sesame..", b"mn\r\n", RIGHT),
    (b"set k 0 0 16\r\nopen sesame more\r\n", b"mn\r\n"),
    (b"set k 0 0 8\r\nfoo quux\r\n", GET, GET),
    (b"set k 0 0 8\r\nFOO quux\r\n", GET),
    (b"set k 0 0 8\r\nfoo quuX\r\n", GET),
    (b"set k 0 0 5000\r\n" + b"foo " + b"x" * 4996 + b"\r\n", GET),
    (b"x" * 3000,),
    (b"\x80\x0a" + b"\0" * 22 + b"\n",),
)


def talk(node, sends):
    """A line, or the end, for each of them."""
    answers = []
    with node.connect() as client:
        for sent in sends:
            try:
                client.send(sent)
                answers.append(client.line())
            except Closed:
                answers.append("closed")
    return answers


def write(lab, text):
    path = os.path.join(lab.folder, "passwords")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def case_as_memcached(lab):
    stock = shutil.which("memcached")
    if not stock:
        raise Skip("memcached is not installed (./dev deps installs it)")
    path = write(lab, "open:sesame\nfoo:quux\n")
    ours = lab.single("-Y", path)
    theirs = lab.add("memcached", "-Y", path)
    theirs.command[0] = stock
    theirs.start()
    for sends in SENDS:
        got, wanted = talk(ours, sends), talk(theirs, sends)
        if got != wanted:
            raise Failed("%.200r: %r, not %r" % (sends, got, wanted))
    with ours.connect() as client:
        client.send(RIGHT)
        assert client.line() == b"STORED"
        stats = client.stats()
        assert (stats["auth_cmds"], stats["auth_errors"]) == ("14", "3"), stats
        shown = str(client.stats("settings")) + str(stats) + str(client.stats("conns"))
    assert not any(secret in shown + ours.log() for secret in SECRETS), "a secret is told"
    return "%d connections" % len(SENDS)


def login(client, user, password):
    words = b"%s %s" % (user, password)
    return client.ask(b"set a 0 0 %d\r\n%s" % (len(words), words))[0]


def case_file_is_read_again(lab):
    """SIGHUP loads the file again; a bad one changes nothing; who is in stays in."""
    path = write(lab, "one:first\n")
    node = lab.single("-Y", path, "-v")
    inside = node.connect()
    assert login(inside, b"one", b"first") == b"STORED"
    write(lab, "two:second\n")
    with node.connect() as client:
        assert login(client, b"two", b"second").startswith(b"CLIENT_ERROR")
        node.signal(signal.SIGHUP)
        lab.until(lambda: login(client, b"two", b"second") == b"STORED", "the file is read")
    write(lab, "without a colon: no\nbroken\n")
    node.signal(signal.SIGHUP)
    lab.until(lambda: "line 2 of" in node.log(), "the log tells of the bad line")
    assert "broken" not in node.log()
    with node.connect() as client:
        assert login(client, b"one", b"first").startswith(b"CLIENT_ERROR")
        assert login(client, b"two", b"second") == b"STORED"
    assert inside.ask("get none") == [b"END"]
    inside.close()


def case_lengths_are_not_believed(lab):
    """Passwords that never come cost little, however long they say they are."""
    node = lab.single("-Y", write(lab, "one:first\n"), "-c", "600")
    before = node.memory()
    clients = []
    for size in (1, 2048, 2049, 1 << 20, 4294967295) * 100:
        clients.append(node.connect())
        clients[-1].send(b"set k 0 0 %d\r\n" % size + b"x" * min(size, 60000) )
    with node.connect() as client:
        assert login(client, b"one", b"first") == b"STORED"
        lab.until(lambda: int(client.stats()["bytes_read"]) > 500 * 1000, "much has come")
        cost = node.memory() - before
    for client in clients:
        client.close()
    assert lab.build.sanitized or cost < 6000, "%d KiB for 500 clients" % cost
    return "%d KiB for 500 clients" % cost


def case_bad_files_end_the_start(lab):
    path = write(lab, "nothing\n")
    for options, word in ((("-Y", path), "line 1"), (("-Y", path + "x"), "No such file"),
                          (("-Y", path, "-U", "5"), "UDP"), (("-Y", path, "-B", "auto"), "-B")):
        done = subprocess.run([lab.build.mcd, "-u", "root", "-p", "-1", *options], check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=20 * lab.build.slowness)
        assert done.returncode == 78, done
        assert word in done.stderr.decode(), done.stderr
