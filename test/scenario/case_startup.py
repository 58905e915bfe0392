"""mcd as a process: errors at start, limits, sockets, signals."""

import contextlib
import os
import pwd
import re
import signal
import socket
import subprocess

from harness.lab import free_port
from harness.report import Failed
from harness.wire import Connection

PLACE = "mcd"


def run(lab, *options):
    """Runs mcd until it ends; returns its exit code and all its output."""
    done = subprocess.run([lab.build.mcd, *options], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=20 * lab.build.slowness, env=lab.environment, cwd=lab.folder)
    return done.returncode, done.stdout.decode(errors="replace")


NOT_AGAIN, FAILED = 78, 1  # exit codes: it would fail each time; it may succeed another time


def refuses(lab, pattern, *options, engine=True, expected=NOT_AGAIN):
    """mcd ends with an error code and prints a matching text."""
    engine_options = ("-E", lab.build.default_engine) if engine else ()
    code, text = run(lab, "-u", "root", "-l", "127.0.0.1", *engine_options, *options)
    if code != expected:
        raise Failed("exit code %d instead of %d: %s" % (code, expected, text.strip()))
    if not re.search(pattern, text, re.I | re.S):
        raise Failed("no %r in %r" % (pattern, text.strip()))
    return text.strip().splitlines()[-1]


def case_help_and_version(lab):
    for option in ("-h", "--help"):
        code, text = run(lab, option)
        assert code == 0, "%s ends with %d" % (option, code)
        for letter in "pUsaldumMctRbIfnkPvVhEeX":
            assert re.search(r"(^|\W)-%s\b" % letter, text), "-%s is not in the help" % letter
    for option in ("-V", "--version"):
        code, text = run(lab, option)
        assert code == 0 and re.search(r"\d+\.\d+", text), "%s: %d %s" % (option, code, text)


def case_unknown_option(lab):
    refuses(lab, r"nonsense", "--nonsense")
    refuses(lab, r"did you mean '--pidfile'", "--pidfle=x")
    refuses(lab, r"did you mean 'idle_timeout'", "-o", "idel_timeout=60")
    done = subprocess.run([lab.build.mcreplctl, "promtoe"], check=False, stderr=subprocess.PIPE)
    assert b"did you mean 'promote'" in done.stderr, done.stderr


def case_bad_numbers(lab):
    for options in (("-p", "abc"), ("-p", "70000"), ("-t", "0"), ("-m", "abc"), ("-c", "0"),
                    ("-I", "1"), ("-f", "abc"), ("-l", "127.0.0.1:http")):
        refuses(lab, r".", *options)


def case_engine_missing(lab):
    refuses(lab, r"no-such-engine\.so", "-p", str(free_port()), "-E", "/no-such-engine.so",
            engine=False)


def case_engine_is_none(lab):
    path = os.path.join(lab.folder, "text.so")
    with open(path, "w", encoding="utf-8") as file:
        file.write("this is no shared object\n")
    refuses(lab, r"text\.so", "-p", str(free_port()), "-E", path, engine=False)


def case_engine_without_create_instance(lab):
    listing = subprocess.run(["ldconfig", "-p"], stdout=subprocess.PIPE, check=True,
                             env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"})
    path = re.search(r"libm\.so\.6 .*=> (\S+)", listing.stdout.decode()).group(1)
    refuses(lab, r"create_instance", "-p", str(free_port()), "-E", path, engine=False)


def case_engine_option_unknown(lab):
    refuses(lab, r"bogus", "-p", str(free_port()), "-e", "bogus=1")
    refuses(lab, r"default_engine.*did you mean 'cache_size'", "-p", str(free_port()), "-e",
            "cache_siez=64m")


def case_engine_option_bad(lab):
    refuses(lab, r"cache_size", "-p", str(free_port()), "-e", "cache_size=abc")


def case_repl_option_bad(lab):
    for config, word in (("heartbeat=abc", "heartbeat"), ("dirty_bits=99", "dirty_bits"),
                         ("standby_writes=maybe", "standby_writes"), ("bogus=1", "bogus"),
                         ("standby_write=alone", "repl_engine has no option 'standby_write' "
                          ".did you mean 'standby_writes'.*wrapped engine failed.*default_engine"),
                         ("engine=/no-such-engine.so", "no-such-engine"),
                         ("listen=127.0.0.1:notaport", "listen")):
        try:
            refuses(lab, word, "-p", str(free_port()), "-E", lab.build.repl_engine, "-e",
                    "engine=%s;%s" % (lab.build.default_engine, config)
                    if not config.startswith("engine=") else config, engine=False)
        except Failed as error:
            raise Failed("%s: %s" % (config, error)) from error


def case_more_memory_than_there_is(lab):
    """mcd warns at the start, before the memory is used up and the kernel kills it."""
    with open("/proc/meminfo", encoding="ascii") as file:
        total = int(re.search(r"MemTotal: +(\d+) kB", file.read()).group(1)) >> 10
    for memory, warns in ((2 * total, True), (total, True), (1, False)):
        code, text = run(lab, "-u", "root", "-l", "127.0.0.1", "-p", str(free_port()), "-m", str(memory),
                         "-E", "/no-such-engine.so")
        assert code == NOT_AGAIN and ("-m is %d MB" % memory in text) == warns, "-m %d: %s" % (memory, text)


def case_port_taken(lab):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        refuses(lab, str(port), "-p", str(port), expected=FAILED)


def case_user_unknown(lab):
    if os.geteuid() != 0:
        return "not root: -u is not looked at"
    code, text = run(lab, "-u", "no-such-user", "-p", str(free_port()), "-E",
                     lab.build.default_engine)
    assert code == NOT_AGAIN and "no-such-user" in text, "%d %s" % (code, text)
    return ""


def case_kernel_picks_port(lab):
    """-p -1 gets a port from the kernel, and writes it to MEMCACHED_PORT_FILENAME."""
    path = os.path.join(lab.folder, "ports")
    lab.environment["MEMCACHED_PORT_FILENAME"] = path
    node = lab.single()
    node.stop()
    os.unlink(path)
    node.command[node.command.index("-p") + 1] = "-1"
    node.launch()

    def port():
        try:
            with open(path, encoding="utf-8") as file:
                found = re.search(r"TCP INET: (\d+)\n", file.read())
                return int(found.group(1)) if found else None
        except FileNotFoundError:
            return None
    node.address = ("127.0.0.1", lab.until(port, "the port is in the file"))
    lab.until(node.answers, "mcd accepts connections there")
    assert node.ask("version")[0].startswith(b"VERSION ")


def case_unix_socket(lab):
    path = os.path.join(lab.folder, "client.sock")
    node = lab.single("-s", path, "-a", "0770")
    node_is_up = os.path.exists(path)
    assert node_is_up, "there is no socket"
    assert os.stat(path).st_mode & 0o777 == 0o770, oct(os.stat(path).st_mode)
    with Connection(path) as client:
        assert client.store("k", "x") == "STORED"
        assert client.item("k")[2] == b"x"
    with Connection(path) as client:
        assert client.call("get", b"k").value == b"x"
    node.stop()


def open_sockets(process):
    """Local ports of the process: (kind, port in hex)."""
    own, found = inodes(process), set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/%d/net/%s" % (process.pid, kind), encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        found |= {(kind, row[1].rsplit(":", 1)[1]) for row in rows if row[9] in own}
    return found


def inodes(process):
    """Of its sockets."""
    folder, links = "/proc/%d/fd" % process.pid, []
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            links.append(os.readlink(os.path.join(folder, name)))
    return {link[len("socket:["):-1] for link in links if link.startswith("socket:[")}


def case_no_tcp(lab):
    """-p 0 opens no TCP port; with nothing to listen on, mcd does not start."""
    path = os.path.join(lab.folder, "client.sock")
    refuses(lab, "nothing to listen on", "-p", "0")
    node = lab.add("a", "-s", path, "-p", "0", engine=lab.build.default_engine)
    node.launch()

    def stores():
        if not os.path.exists(path):
            return False
        with Connection(path) as client:
            return client.store("k", "x") == "STORED"
    lab.until(stores, "mcd answers on the socket")
    assert open_sockets(node.process) == set(), open_sockets(node.process)


def case_repeated_listen(lab):
    """-l may come several times, as in Ubuntu's configuration."""
    node = lab.single("-l", "127.0.0.2")
    for host in ("127.0.0.1", "127.0.0.2"):
        with Connection((host, node.port)) as client:
            assert client.ask("version")[0].startswith(b"VERSION "), host


def case_unix_socket_of_the_user(lab):
    """The UNIX socket belongs to the user that mcd runs as, not to root."""
    if os.geteuid() != 0:
        return "not root: -u is not looked at"
    nobody = pwd.getpwnam("nobody")
    folder = os.path.join(lab.folder, "of-nobody")
    os.chmod(lab.folder, 0o755)
    os.mkdir(folder)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    path = os.path.join(folder, "client.sock")
    node = lab.single("-u", "nobody", "-s", path)
    assert os.stat(path).st_uid == nobody.pw_uid, "uid %d" % os.stat(path).st_uid
    node.stop()
    assert not os.path.exists(path), "the socket is left"
    refuses(lab, "open to the user", "-u", "nobody", "-p", "0", "-s",
            os.path.join(lab.folder, "root.sock"), expected=FAILED)
    return ""


PASTED = """
set -e
mount -t tmpfs none /run
%(home)s
"%(mcd)s" -u %(user)s -l 127.0.0.1 -p -1 -E repl_engine.so -e "peer=127.0.0.9;listen=127.0.0.1:%(port)d" &
node=$!
for turn in $(seq 200); do "%(ctl)s" status && break; sleep 0.1; done
ls -ld /run/mcd /run/own/*.sock 2>/dev/null || :
kill $node
wait $node
"""


def as_pasted(lab, user, home=""):
    """What a shell prints that starts a node without paths, and asks it, where nothing
    has been set up. It has a /run of its own."""
    script = PASTED % {"mcd": lab.build.mcd, "ctl": lab.build.mcreplctl, "user": user,
                       "port": free_port(), "home": home}
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=lab.environment,
                          cwd="/", timeout=60 * lab.build.slowness)
    text = done.stdout.decode(errors="replace")
    assert done.returncode == 0 and re.search("role +standby", text), text
    return text


def case_needs_no_paths(lab):
    """Engines are found in the build tree, and the control socket is made and found."""
    if os.geteuid() != 0:
        return "not root: it takes a mount namespace"
    text = as_pasted(lab, "nobody")
    assert re.search("nobody .*/run/mcd", text), text
    text = as_pasted(lab, "nobody", "mkdir /run/mcd; install -d -o nobody /run/own; "
                     "export XDG_RUNTIME_DIR=/run/own")
    assert "/run/own/mcd-" in text, text
    return ""


def case_connection_limit(lab):
    """Beyond -c a client is refused or has to wait; when others disconnect it is
    served."""
    node = lab.single("-c", "8", "-t", "1")
    crowd = []
    for _ in range(20):
        client = node.connect()
        client.send(b"version\r\n")
        crowd.append(client)
    served = 0
    for client in crowd:
        client.timeout = 0.5
        try:
            served += client.line().startswith(b"VERSION")
        except Exception:
            continue
    assert 1 <= served <= 10, "%d of 20 clients were served with -c 8" % served
    for client in crowd:
        client.close()

    def served_again():
        with Connection(node.address, 1.0) as client:
            return client.ask("version")[0].startswith(b"VERSION")
    lab.until(served_again, "a client is served again")
    lab.until(lambda: int(node.stat("curr_connections")) < 8, "the connections are gone")


def case_meta_commands_are_counted(lab):
    """cmd_meta counts meta commands; each counts as a get or a set, too."""
    node = lab.single()
    for command in ("mg none v", "ms k 1\r\nx", "get k", "mg k v", "mn"):
        node.ask(command) if command == "mn" else node.client().send(command.encode() + b"\r\n")
    stats = node.connect().stats()
    counts = tuple(stats[name] for name in ("cmd_meta", "cmd_get", "cmd_set"))
    assert counts == ("4", "3", "1"), counts


def case_accepting_pauses(lab):
    """mcd counts how often and how long clients had to wait because of -c."""
    node = lab.single("-c", "4", "-o", "no_maxconns_fast")
    assert node.stat("time_in_listen_disabled_us") == "0"
    crowd = [node.connect() for _ in range(8)]
    lab.until(lambda: node.stat("accepting_conns") == "0", "accepting pauses")
    for client in crowd:
        client.close()
    lab.until(lambda: node.stat("accepting_conns") == "1", "accepting goes on")
    assert int(node.stat("listen_disabled_num")) >= 1
    assert int(node.stat("time_in_listen_disabled_us")) >= 1000, "less than a pause"


def case_idle_clients_cost_nothing(lab):
    """An idle client is not disconnected, and a half-closed one does not stay."""
    node = lab.single()
    before = 1  # the connection that asks; the one that tested the port may still be closing
    lab.until(lambda: int(node.stat("curr_connections")) == before, "the first client is gone")
    clients = [node.connect() for _ in range(50)]
    for client in clients:
        assert client.ask("version")[0].startswith(b"VERSION")
    lab.until(lambda: int(node.stat("curr_connections")) == before + 50, "50 clients are counted")
    for client in clients[:25]:
        client.socket.shutdown(socket.SHUT_WR)
    for client in clients[25:]:
        client.close()
    lab.until(lambda: int(node.stat("curr_connections")) == before, "they are gone again")


def ends_on(lab, number):
    node = lab.single()
    client = node.connect()
    assert client.store("k", "x" * 1000) == "STORED"
    client.send(b"set half 0 0 100\r\nonly a part")
    node.forget()
    node.signal(number)
    code = node.process.wait(10 * lab.build.slowness)
    node.process = None
    assert code == 0, "exit code %d: %s" % (code, node.last_words())
    assert client.is_closed()


def case_sigterm(lab):
    ends_on(lab, signal.SIGTERM)


def case_sigint(lab):
    ends_on(lab, signal.SIGINT)


def case_sigusr1(lab):
    ends_on(lab, signal.SIGUSR1)


def case_shutdown_command(lab):
    """-A: clients may end mcd; without it they may not."""
    node = lab.single()
    assert node.ask("shutdown") == [b"ERROR: shutdown not enabled"]
    node.stop()
    for line in ("shutdown", "shutdown graceful"):
        node.start(*(["-A"] if "-A" not in node.command else []))
        assert node.ask("shutdown now") == [b"CLIENT_ERROR invalid shutdown mode"]
        client = node.connect()
        client.send(line.encode() + b"\r\n")
        assert client.is_closed()
        node.forget()
        code = node.process.wait(10 * lab.build.slowness)
        node.process = None
        assert code == 0, "exit code %d: %s" % (code, node.last_words())


def case_switches_of_memcached(lab):
    """-F refuses flush_all, -C leaves out CAS numbers, -B binds a protocol; as memcached
    1.6 answers."""
    node = lab.single("-F", "-C")
    client = node.connect()
    assert client.store("k", "x") == "STORED"
    assert client.ask("flush_all") == [b"CLIENT_ERROR flush_all not allowed"]
    assert client.ask("mg k c") == [b"HD c0"]
    client.send(b"cas k 0 0 1 5\r\ny\r\n")
    assert client.line() == b"EXISTS"
    with node.connect() as binary:
        assert binary.call("flush").value == b"Auth failure."
    node.stop()
    node = lab.single("-B", "ascii", name="ascii")
    with node.connect() as client:
        client.send(b"\x80\x0b" + b"\0" * 22 + b"\r\n")
        assert client.line() == b"ERROR"
    node.stop()
    node = lab.single("-B", "binary", name="binary")
    with node.connect() as client:
        assert client.call("version").value.startswith(b"1.")
    with node.connect() as client:
        client.send(b"version\r\n" * 4)
        assert client.is_closed()


def case_version(lab):
    """Clients read the version as numbers and dots, and choose features by it; tools find
    mcd's own beside it."""
    node = lab.single()
    answer = node.ask("version")[0].decode()
    found = re.fullmatch(r"VERSION (\d+)\.(\d+)\.(\d+)", answer)
    assert found and tuple(int(word) for word in found.groups()) >= (1, 6, 0), answer
    stats = node.connect().stats()
    assert answer == "VERSION " + stats["version"], stats["version"]
    with node.connect() as client:
        assert client.call("version").value.decode() == stats["version"]
    text = run(lab, "-V")[1]
    assert text.startswith("mcd %s," % stats["mcd_version"]) and stats["version"] in text, text


def case_core_files_and_licence(lab):
    node = lab.single("-r", "-u", "nobody")
    with open("/proc/%d/limits" % node.process.pid, encoding="ascii") as file:
        soft, hard = re.search(r"Max core file size +(\S+) +(\S+)", file.read()).groups()
    assert soft == hard, "core files are limited to %s of %s" % (soft, hard)
    # root owns the files of a process that may not dump core
    owner = os.stat("/proc/%d/limits" % node.process.pid).st_uid
    assert owner in (os.geteuid(), pwd.getpwnam("nobody").pw_uid) and (owner or os.geteuid()), owner
    code, text = run(lab, "-i")
    assert code == 0 and "Redistribution and use" in text, text


def case_options_without_effect(lab):
    """memcached's options that tune what mcd does not have: one line tells of all."""
    node = lab.single("-L", "-o", "slab_reassign,no_hashexpand", "-o", "modern")
    lines = [line for line in node.log().splitlines() if "without effect" in line]
    assert len(lines) == 1, node.log()
    for word in ("-L (", "-o slab_reassign (", "-o hashexpand (", "-o modern ("):
        assert word in lines[0], lines[0]
    refuses(lab, "without a password", "-S")
    refuses(lab, "encrypted", "-o", "ssl_chain_cert=x")


def case_sighup_is_survived(lab):
    node = lab.single()
    node.signal(signal.SIGHUP)
    assert node.ask("version")[0].startswith(b"VERSION ")
    node.signal(signal.SIGPIPE)
    assert node.ask("version")[0].startswith(b"VERSION ")


def case_client_leaves_early(lab):
    """A client that disconnects while answers are in flight does no harm."""
    node = lab.single()
    assert node.client().store("big", "x" * 900000) == "STORED"
    for _ in range(20):
        client = node.connect()
        client.send(b"get big\r\n" * 50)
        client.close()
    for _ in range(20):
        client = node.connect()
        client.send(b"set k 0 0 900000\r\n" + b"x" * 1000)
        client.close()
    assert node.ask("version")[0].startswith(b"VERSION ")
    lab.until(lambda: int(node.stat("curr_connections")) <= 3, "their connections are gone")


def case_pid_file(lab):
    path = os.path.join(lab.folder, "mcd.pid")
    node = lab.single("-P", path)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            assert int(file.read()) == node.process.pid
    node.stop()
    assert not os.path.exists(path), "the pid file outlives mcd"


def case_pid_file_of_another(lab):
    """A second start that fails does not remove the pid file of the running server."""
    path = os.path.join(lab.folder, "mcd.pid")
    node = lab.single("-P", path)
    refuses(lab, r"address already in use", "-p", str(node.port), "-P", path, expected=FAILED)
    with open(path, encoding="utf-8") as file:
        assert int(file.read()) == node.process.pid


def case_files_and_links(lab):
    """A file or link where mcd writes a file is replaced, not followed: root may be
    writing to a folder of somebody else."""
    precious, pid, ports = (os.path.join(lab.folder, name) for name in ("precious", "pid", "ports"))
    with open(precious, "w", encoding="ascii") as file:
        file.write("data")
    for path in (pid, ports):
        for end in ("", ".new", ".lck"):
            os.symlink(precious, path + end)
    lab.environment["MEMCACHED_PORT_FILENAME"] = ports
    node = lab.single("-P", pid)
    with open(precious, encoding="ascii") as file:
        assert file.read() == "data", "a link was followed"
    for path, wanted in ((pid, "%d\n" % node.process.pid), (ports, "TCP INET: %d\n" % node.port)):
        assert not os.path.islink(path), "%s is still a link" % path
        with open(path, encoding="ascii") as file:
            text = file.read()
        assert wanted in text, "%s has %r, not %r" % (path, text, wanted)


def case_daemon(lab):
    """-d runs in the background and writes the pid."""
    path = os.path.join(lab.folder, "mcd.pid")
    port = free_port()
    code, text = run(lab, "-d", "-P", path, "-u", "root", "-l", "127.0.0.1", "-p", str(port), "-E",
                     lab.build.default_engine)
    assert code == 0, "%d %s" % (code, text)

    def pid_of():
        try:
            with open(path, encoding="utf-8") as file:
                return int(file.read() or 0)
        except FileNotFoundError:
            return 0
    pid = lab.until(pid_of, "the pid file is there")

    def answers():
        with Connection(("127.0.0.1", port), 1.0) as client:
            return client.ask("version")[0].startswith(b"VERSION")
    try:
        lab.until(answers, "the daemon answers")
    finally:
        os.kill(pid, signal.SIGTERM)
        lab.until(lambda: not os.path.exists("/proc/%d" % pid), "the daemon ends on SIGTERM")


def case_evicts_within_memory(lab):
    """More data than fits: old items are evicted, and the server stays within its
    memory."""
    node = lab.single("-m", "16", "-t", "1")
    client = node.connect()
    value, count = b"v" * 1000, 40000
    for start in range(0, count, 500):
        client.send(b"".join(b"set k%d 0 0 1000 noreply\r\n%s\r\n" % (number, value)
                             for number in range(start, start + 500)))
    assert client.store("last", "x") == "STORED"
    assert int(node.stat("evictions")) > 0, "nothing was evicted"
    assert client.item("k%d" % (count - 1)) is not None, "the newest item is gone"
    assert int(node.stat("bytes")) <= 16 << 20, node.stat("bytes")


def case_refuses_when_full(lab):
    """-M: an error instead of an eviction."""
    node = lab.single("-m", "16", "-M", "-t", "1")
    client = node.connect()
    answers = set()
    for number in range(30000):
        answers.add(client.store("k%d" % number, "v" * 1000))
        if len(answers) > 1:
            break
    assert answers == {"STORED", "SERVER_ERROR out of memory storing object"}, answers
    assert client.item("k0") is not None, "the oldest item was evicted"
    assert node.stat("evictions") == "0"


def case_large_items(lab):
    """-I raises the largest item size."""
    node = lab.single("-I", "8m", "-m", "64")
    client = node.connect()
    assert client.store("large", "x" * 5000000) == "STORED"
    assert len(client.item("large")[2]) == 5000000
    assert client.store("larger", "x" * 9000000) == "SERVER_ERROR object too large for cache"
