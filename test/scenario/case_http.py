"""--http: figures for monitoring, verdicts for load balancers, and clients that mean no good."""

import http.client
import json
import os
import re
import shutil
import socket
import subprocess

from harness.lab import free_port
from harness.report import Failed, Skip

PLACE = "two"


def ask(port, path, method="GET"):
    """Status, text and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode(), response.headers
    finally:
        connection.close()


def pair(lab, config=""):
    """A pair with HTTP; both nodes and their ports."""
    a, b = lab.add_pair(config=config)
    ports = [free_port(), free_port()]
    for node, port in zip((a, b), ports):
        node.command += ["--http", str(port)]
        node.start()
    lab.linked(a, b)
    return a, b, ports


def verdicts(ports, path):
    return [ask(port, path)[0] for port in ports]


def case_verdicts(lab):
    """Clients are sent to the active node, or while there is none to one that may become it."""
    a, b, ports = pair(lab, "standby_writes=alone")
    assert verdicts(ports, "/role") == [503, 503]
    assert verdicts(ports, "/ready") == [200, 200]
    assert verdicts(ports, "/health") == [200, 200]
    assert verdicts(ports, "/sync") == [200, 200]
    a.ask("set k 0 0 1\r\nx")
    lab.until(lambda: verdicts(ports, "/ready") == [200, 503], "only the active node is ready")
    assert verdicts(ports, "/role") == [200, 503]
    a.ctl("handover")
    lab.until(lambda: verdicts(ports, "/role") == [503, 200], "the role has moved")
    assert verdicts(ports, "/ready") == [503, 200]
    assert ask(ports[0], "/health")[:2] == (503, "it has handed its role over to the peer\n")
    b.kill()
    a.ctl("promote")
    lab.until(lambda: ask(ports[0], "/ready")[0] == 200, "the survivor is ready")
    assert ask(ports[0], "/sync")[:2] == (503, "down\n"), "nobody else has its items"
    a.ask("set k 0 0 1\r\ny")
    b.start()
    lab.until(lambda: verdicts(ports, "/sync") == [200, 200], "b is filled")
    assert b.client().item("k") is not None


def case_sync_waits_for_the_copy(lab):
    """While a node is filled, neither node counts as in sync; an empty node alone never does,
    although it is fit."""
    a, b, ports = pair(lab, "copy_rate=500000;cold_wait=1")
    b.stop()
    for number in range(100):
        assert a.client().store("k%d" % number, "v" * 10000) == "STORED"
    b.start()
    lab.until(lambda: verdicts(ports, "/sync") == [503, 503], "b is being filled")
    assert verdicts(ports, "/role") == [200, 503]
    lab.until(lambda: verdicts(ports, "/sync") == [200, 200], "b is filled")
    assert b.client().item("k99") is not None
    b.stop()
    a.restart()
    lab.until(lambda: verdicts(ports[:1], "/health") == [200], "a does not wait for longer")
    assert verdicts(ports[:1], "/sync") == [503]


def case_of_a_single_node(lab):
    """A node that replicates nothing is always good, and has no figures of replication."""
    port = free_port()
    node = lab.single("--http", "127.0.0.1:%d" % port)
    node.ask("set k 0 0 1\r\nx")
    node.ask("get k")
    for path in ("/health", "/ready", "/role"):
        assert ask(port, path)[:2] == (200, "single\n"), path
    figures = json.loads(ask(port, "/status")[1])
    assert figures["get_hits"] == "1" and figures["curr_items"] == "1", figures
    assert not [name for name in figures if name.startswith("repl_")], figures
    text = ask(port, "/metrics")[1]
    assert "# TYPE mcd_get_hits counter\n" in text and "\nmcd_get_hits_total 1\n" in text, text
    assert "# TYPE mcd_curr_items gauge\n" in text, text


def check_by_library(text):
    try:
        from prometheus_client.openmetrics import parser
    except ImportError:
        raise Skip("prometheus_client is not installed: apt-get install python3-prometheus-client")
    families = {family.name: family for family in parser.text_string_to_metric_families(text)}
    assert families["mcd_repl_shipped"].type == "counter", families["mcd_repl_shipped"]
    assert families["mcd_repl_at_risk"].documentation.startswith("changes and items that")
    assert families["mcd"].samples[0].labels["repl_role"] == "active"


def check_by_promtool(text):
    if shutil.which("promtool") is None:
        raise Skip("promtool is not installed: apt-get install prometheus")
    # It reads the older form, which has no end and names a counter by its sample.
    old = text.replace("# EOF\n", "").replace("# TYPE mcd info\n", "")
    for line in text.splitlines():
        if line.startswith("# TYPE ") and line.endswith(" counter"):
            name = line.split()[2]
            old = old.replace("# TYPE %s " % name, "# TYPE %s_total " % name)
            old = old.replace("# HELP %s " % name, "# HELP %s_total " % name)
        elif line.endswith(" unknown"):
            old = old.replace(line, line[:-len("unknown")] + "untyped")
    done = subprocess.run(["promtool", "check", "metrics"], input=old.encode(), check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    # Exit code 3 is advice about names and units, which are memcached's.
    if done.returncode not in (0, 3):
        raise Failed("promtool: " + done.stdout.decode())


def metrics(lab):
    a, _, ports = pair(lab)
    a.ask("set k 0 0 1\r\nx")
    lab.drained(a)
    code, text, headers = ask(ports[0], "/metrics")
    assert code == 200 and headers["Content-Type"].startswith("application/openmetrics-text")
    named = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(named) == len(set(named)), "a family comes twice"
    for name in a.stats("repl"):
        figure = a.stats("repl")[name]
        assert not figure.isdigit() or "mcd_" + name in named, "%s is missing" % name
    return text


def case_metrics_by_library(lab):
    """Prometheus's own library reads them."""
    check_by_library(metrics(lab))


def case_metrics_by_promtool(lab):
    check_by_promtool(metrics(lab))


def case_hostile(lab):
    """The server is small: it has few visitors, none stays, and the cache does not notice."""
    port = free_port()
    node = lab.single("--http", str(port))
    folder = "/proc/%d/fd" % node.process.pid
    before = len(os.listdir(folder))
    crowd = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    for one in crowd[:100]:
        one.sendall(b"GET /sta")
    assert ask(port, "/role")[0] == 200, "nobody else is served"
    assert node.ask("version")[0].startswith(b"VERSION")
    assert len(os.listdir(folder)) < before + 80, "%d descriptors" % len(os.listdir(folder))
    lab.until(lambda: len(os.listdir(folder)) <= before + 2, "the silent ones are gone",
              seconds=30)
    for junk in (b"\0" * 100, b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\n\r\n",
                 b"POST /role HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\nxxxx",
                 b"GET http:// HTTP/1.1\r\n\r\n", b"GET /..%00/x HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(junk)
            one.settimeout(20 * lab.build.slowness)
            try:
                said = one.recv(100)
            except OSError:
                said = b""
            assert b" 200 " not in said, (junk[:40], said)
    assert ask(port, "/role", "HEAD")[0] == 200
    for one in crowd:
        one.close()


def case_address(lab):
    """Without an address it is on loopback; what cannot be is refused at the start."""
    port = free_port()
    lab.single("--http", str(port))
    with open("/proc/net/tcp", encoding="ascii") as file:
        assert "0100007F:%04X" % port in file.read(), "not on loopback"
    for address, word in (("nonsense", "PORT"), ("127.0.0.1:%d" % port, "in use"),
                          ("192.0.2.1:%d" % port, "assign")):
        done = subprocess.run([lab.build.mcd, "-u", "root", "-l", "127.0.0.1", "-p", "-1", "-E",
                               lab.build.default_engine, "--http", address], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        text = done.stdout.decode()
        assert done.returncode != 0 and "--http" in text and word in text, text


def rendered(lab, port, *more):
    """The page's elements by id, as a browser shows them after some seconds of its own time."""
    browser = shutil.which("chromium")
    if not browser:
        raise Skip("chromium is not installed: apt-get install chromium")
    done = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000",
         "--user-data-dir=" + os.path.join(lab.folder, "browser"), *more, "--dump-dom",
         "http://127.0.0.1:%d/" % port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
        timeout=60 * lab.build.slowness, text=True)
    if done.returncode != 0 or "</title>" not in done.stdout:
        raise Failed("chromium ended with %d: %s" % (done.returncode, done.stdout[-300:]))
    return done.stdout


def text_of(page, name):
    found = re.search(r'<\w+[^>]* id="%s"[^>]*>(.*?)</' % name, page, re.S)
    return re.sub(r"<[^>]*>", "", found.group(1)).strip() if found else None


def case_page_is_live(lab):
    """A browser shows both roles, the link, the sync and figures; and that the peer is lost."""
    a, b, ports = pair(lab)
    a.ask("set k 0 0 1\r\nx")
    lab.drained(a)
    for port, roles in zip(ports, (("active", "standby"), ("standby", "active"))):
        page = rendered(lab, port)
        assert (text_of(page, "role"), text_of(page, "peer_role")) == roles, page
        assert "changes" in text_of(page, "link") and text_of(page, "sync") == "in sync", page
        assert re.search(r'<polyline points="\d+,[\d.]+ \d+,[\d.]+', page), "nothing is drawn: " + page
        assert "<title>%s \u00b7 127.0.0.1" % roles[0] in page, page
        assert text_of(page, "peer_items") == "1 item" and text_of(page, "items").startswith("1 item, "), page
        assert text_of(page, "error") == "" and text_of(page, "copy") == "", page
    b.kill()
    lab.until(lambda: a.stat("repl_link") == "down", "the link is down")
    page = rendered(lab, ports[0])
    assert "no link" in text_of(page, "link"), page
    assert text_of(page, "peer_role") == "not linked" and text_of(page, "role") == "active", page
    assert "without a peer" in text_of(page, "health"), page
    assert re.match(r"since \d", text_of(page, "peer_items")), page
    assert "cannot reach the peer" in text_of(page, "error"), page


def case_page_in_a_copy(lab):
    """A browser shows how far it is, on both nodes."""
    ports = [free_port(), free_port()]
    a, b = lab.add_pair(config="copy_rate=200k;cold_wait=60000")
    for node, port in zip((a, b), ports):
        node.command += ["--http", str(port)]
    a.start()
    lab.run_load(a, "--fill", 20000, "--size", 1000)
    b.start()
    lab.until(lambda: int(b.stat("repl_peer_copy_items")) > 0, "the copy is under way")
    for port in ports:
        page = rendered(lab, port)
        assert re.fullmatch(r"[\d.]+( k)? of about [\d.]+ k items, \d+%", text_of(page, "copy")), page
        assert "copying" in text_of(page, "link") and text_of(page, "sync").startswith("not in sync"), page


def case_page_of_a_single_node(lab):
    """It shows no link and no peer."""
    port = free_port()
    lab.single("--http", str(port))
    page = rendered(lab, port)
    assert text_of(page, "role") == "a single node", page
    assert re.search(r'id="there"[^>]* hidden', page), page


def case_where_only_ipv6_has_an_address(lab):
    """An interface with nothing but its IPv6 address does not keep it from 127.0.0.1."""
    if os.getuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        raise Skip("needs root, unshare and ip")
    script = ("ip link set lo up; ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up;"
              "until ip -6 addr show v0 | grep -q inet6; do sleep 0.01; done; exec \"$@\"")
    node = subprocess.Popen(
        ["unshare", "-n", "sh", "-ec", script, "sh", lab.build.mcd, "-u", "root", "-l", "127.0.0.1", "-p", "0",
         "-s", os.path.join(lab.folder, "s"), "--http", "127.0.0.1:8080"], stderr=subprocess.PIPE)
    try:
        first = node.stderr.readline().decode()
    finally:
        node.terminate()
        node.communicate()
    assert "HTTP on tcp:127.0.0.1:8080" in first, first
