"""Command lines that were written for memcached, by distributions, charts, container
images and tools, start mcd."""

import os
import socket
import subprocess

from harness.lab import free_port
from harness.report import Failed
from harness.wire import Connection

PLACE = "mcd"

# who uses it, its options. PORT, USER, PID and SOCKET stand for those of the test; IPV6 for
# ::1 if the machine has it. "|" stands for a blank inside one word.
LINES = (
    ("Debian, systemd and memcached.conf", "-m 64 -p PORT -u USER -l 127.0.0.1 -P PID"),
    ("Ubuntu", "-m 64 -p PORT -u USER -l 127.0.0.1 -l IPV6 -P PID"),
    ("Debian, start-memcached", "-d -m 128 -I 16m -p PORT -u USER -l 127.0.0.1 -P PID"),
    ("Fedora, sysconfig", "-p PORT -u USER -m 64 -c 1024 -l 127.0.0.1,IPV6"),
    ("memcached's own unit", "-p PORT -u USER -m 64 -c 1024"),
    ("Arch", "-p PORT -u USER -m 64 -c 1024 -l 127.0.0.1,IPV6 -o modern,drop_privileges"),
    ("Alpine and Gentoo, OpenRC", "-d -p PORT -l 127.0.0.1 -m 64 -c 1024 -u USER -P PID"),
    ("FreeBSD, rc.d", "-l localhost -m 64 -U 0 -d -u USER -P PID -p PORT"),
    ("a web host, UNIX socket", "-d -m 256 -s SOCKET -a 0766 -u USER -P PID"),
    ("the library's image", ""),
    ("Bitnami's image", "-u USER -p PORT -v -l 0.0.0.0 -m 64 -c 1024 -t 4 -I 1m"),
    ("the operator SDK's example", "-m=64 -o modern -v"),
    ("the stable chart", "-m|64 -o modern -v"),
    ("Loki's chart", "-m|1024 --extended=modern,track_sizes -I|5m -c|8192 -v -u USER"),
    ("long options of an image", "--user=USER --listen=127.0.0.1 --port=PORT --memory-limit=256 "
     "--max-item-size=128M --conn-limit=1024 --threads=4 --max-reqs-per-event=20 --verbose"),
    ("tuned in the days of 1.4", "-d -u USER -m 1024 -p PORT -P PID -M -f 1.1 -o slab_reassign,"
     "slab_automove=1,lru_crawler,lru_maintainer,maxconns_fast,hash_algorithm=murmur3"),
    ("benchmarks", "-p PORT -u USER -t 4 -m 512 -n 550 -R 10000 -c 8192 -b 32768 -C -r -o "
     "hashpower=20,no_hashexpand,no_lru_crawler,no_lru_maintainer,idle_timeout=0"),
    ("memcached's own tests", "-p PORT -U PORT -u USER -A -vv -B auto -L -D : -o no_modern"),
)


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def words(lab, line, port):
    """The line as a command. What it leaves open is chosen here, so that nothing leaves
    loopback."""
    values = {"PORT": str(port), "USER": "root" if os.geteuid() == 0 else "nobody",
              "PID": os.path.join(lab.folder, "mcd.pid"),
              "SOCKET": os.path.join(lab.folder, "mcd.sock"),
              "IPV6": "::1" if has_ipv6() else "127.0.0.2"}
    for name, value in values.items():
        line = line.replace(name, value)
    more = ["-E", lab.build.default_engine]
    if not any(word in line for word in ("-l ", "--listen", "-s ")):
        more += ["-l", "127.0.0.1"]
    if not any(word in line for word in ("-p ", "--port", "-s ")):
        more += ["-p", str(port)]
    if not any(word in line for word in ("-u ", "--user")):
        more += ["-u", values["USER"]]
    return [lab.build.mcd] + [word.replace("|", " ") for word in line.split()] + more


def serves(lab, command, port):
    """Waits until it answers, and uses it."""
    path = os.path.join(lab.folder, "mcd.sock")
    address = path if path in command else ("127.0.0.1", port)

    def stores():
        if address == path and not os.path.exists(path):
            return False
        with Connection(address, 5.0) as client:
            return client.store("k", "x") == "STORED"
    lab.until(stores, "it stores")


def start(lab, command, port):
    if "-d" not in command:
        node = lab.add("a", port=port)
        node.command = command
        node.launch()
        serves(lab, command, port)
        for line in node.log().splitlines():
            if " WARNING " in line and "options of memcached without effect" not in line:
                raise Failed(line)
        node.stop()
        return
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT, timeout=20 * lab.build.slowness,
                          env=lab.environment, cwd=lab.folder)
    if done.returncode != 0:
        raise Failed("exit code %d: %s" % (done.returncode, done.stdout.decode().strip()))
    with open(os.path.join(lab.folder, "mcd.pid"), encoding="ascii") as file:
        pid = int(file.read())
    try:
        serves(lab, command, port)
    finally:
        os.kill(pid, 15)
        lab.until(lambda: not os.path.exists("/proc/%d" % pid), "it ends on SIGTERM")


def case_start(lab):
    for who, line in LINES:
        port = free_port()
        try:
            start(lab, words(lab, line, port), port)
        except Failed as error:
            raise Failed("%s (%s): %s" % (who, line, error)) from error
    return "%d lines" % len(LINES)
