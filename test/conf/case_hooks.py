"""The scripts of conf/hooks/, each with a stand-in for what it talks to; etcd-lock with the real
etcd."""

import http.server
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

from harness.lab import free_port
from harness.report import Skip

HOOKS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                     "conf", "hooks")


def run(lab, name, role="active", code=0, **values):
    environment = dict(lab.environment, MCD_ROLE=role, MCD_TERM="7", **values)
    environment["PATH"] = lab.build.folder + ":" + environment["PATH"]
    done = subprocess.run([os.path.join(HOOKS, name)], env=environment, check=False, timeout=30,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == code, "%s: %d: %s" % (name, done.returncode, done.stdout.decode())
    return done.stdout.decode()


def need(program):
    if not shutil.which(program):
        raise Skip("%s is not installed" % program)


def case_elastic_ip(lab):
    """Each word of the command arrives as a word; the standby moves nothing; an address that is
    not here afterwards is a failure."""
    tool, said = os.path.join(lab.folder, "provider"), os.path.join(lab.folder, "said")
    with open(tool, "w", encoding="ascii") as file:
        file.write('#!/bin/sh\nprintf "%%s|" "$@" >%s\n' % said)
        os.fchmod(file.fileno(), stat.S_IRWXU)
    move = tool + " associate --address eip-1 --instance i-1"
    run(lab, "elastic-ip", "standby", MCD_MOVE=move)
    assert not os.path.exists(said)
    run(lab, "elastic-ip", MCD_MOVE=move, MCD_CHECK="test -e " + said)
    with open(said, encoding="ascii") as file:
        assert file.read() == "associate|--address|eip-1|--instance|i-1|"
    run(lab, "elastic-ip", code=1, MCD_MOVE=move, MCD_CHECK="false")
    run(lab, "elastic-ip", code=1, MCD_MOVE="false")


def case_dns(lab):
    """nsupdate sends one update: it deletes the name's addresses and adds this node's."""
    need("nsupdate")
    server, packets = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), []
    server.bind(("127.0.0.1", 0))
    server.settimeout(20)

    def answer():
        packet, client = server.recvfrom(4096)
        packets.append(packet)
        server.sendto(packet[:2] + bytes((packet[2] | 0x80, 0)) + bytes(8), client)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    values = {"MCD_DNS_NAME": "cache.example.com.", "MCD_DNS_ZONE": "example.com.",
              "MCD_DNS_ADDRESS": "10.1.2.3", "MCD_DNS_SERVER": "127.0.0.1 %d" % server.getsockname()[1]}
    run(lab, "dns", "standby", **values)
    assert not packets
    run(lab, "dns", **values)
    thread.join(20)
    server.close()
    assert packets[0][2] >> 3 & 15 == 5, "not an update"
    assert b"\5cache" in packets[0] and packets[0].endswith(socket.inet_aton("10.1.2.3")), packets[0]
    assert int.from_bytes(packets[0][8:10], "big") == 2, "one record to delete and one to add"


def case_exabgp(lab):
    """A good route when active, a worse one when standby, none when the node is dead."""
    a, _ = lab.pair()
    path = os.path.join(lab.folder, "exabgp.in")
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDWR)
    values = {"MCD_ROUTE": "10.0.0.100/32", "MCD_EXABGP": path, "MCD_SOCKET": a.socket}
    try:
        for role, wanted in (("active", "announce route 10.0.0.100/32 next-hop self med 100\n"),
                             ("standby", "announce route 10.0.0.100/32 next-hop self med 200\n")):
            run(lab, "exabgp", role, **values)
            assert os.read(pipe, 4096).decode() == wanted
        a.kill()
        run(lab, "exabgp", "standby", **values)
        assert os.read(pipe, 4096).decode() == "withdraw route 10.0.0.100/32 next-hop self\n"
    finally:
        os.close(pipe)
    os.unlink(path)
    run(lab, "exabgp", "standby", code=1, **values)


def case_consul(lab):
    """The service is registered with its role; an agent that is away is a failure."""
    need("curl")
    asked = []

    class Agent(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):
            asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    agent = http.server.HTTPServer(("127.0.0.1", 0), Agent)
    threading.Thread(target=agent.serve_forever, daemon=True).start()
    values = {"MCD_ADDRESS": "10.0.0.1", "CONSUL_HTTP_ADDR": "127.0.0.1:%d" % agent.server_port}
    try:
        run(lab, "consul", "standby", **values)
    finally:
        agent.shutdown()
        agent.server_close()
    assert asked[0][0] == "/v1/agent/service/register"
    assert '"Tags": ["standby"]' in asked[0][1] and '"term": "7"' in asked[0][1], asked
    run(lab, "consul", "active", code=7, **values)


class Etcd:
    def __init__(self, lab):
        need("etcd")
        need("etcdctl")
        self.lab, self.port, self.log = lab, free_port(), open(os.path.join(lab.folder, "etcd.log"), "wb")
        self.processes = []
        client, peer = ("http://127.0.0.1:%d" % port for port in (self.port, free_port()))
        self.url = client
        self.begin(["etcd", "--data-dir", os.path.join(lab.folder, "etcd"), "--listen-client-urls", client,
                    "--advertise-client-urls", client, "--listen-peer-urls", peer,
                    "--initial-advertise-peer-urls", peer, "--initial-cluster", "default=" + peer],
                   lab.environment)
        lab.until(self.answers, "etcd answers", 60)

    def begin(self, command, environment):
        self.processes.append(subprocess.Popen(command, env=environment, stdout=self.log,
                                               stderr=self.log, start_new_session=True))
        return self.processes[-1]

    def answers(self):
        return subprocess.run(["etcdctl", "--endpoints", self.url, "endpoint", "health"], check=False,
                              env=dict(self.lab.environment, ETCDCTL_API="3"), stdout=self.log,
                              stderr=self.log).returncode == 0

    def lock(self, node):
        environment = dict(self.lab.environment, ETCDCTL_ENDPOINTS=self.url, MCD_LOCK="mcd/pair",
                           MCD_SOCKET=node.socket)
        environment["PATH"] = self.lab.build.folder + ":" + environment["PATH"]
        return self.begin([os.path.join(HOOKS, "etcd-lock")], environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.log.close()


def case_etcd(lab):
    """One node has the lock and is active: from the start, after its death, after a handover, and
    also while etcd is away."""
    a, b = lab.pair(config="standby_writes=reject")
    nodes = {a, b}
    with Etcd(lab) as etcd:
        for node in (a, b):
            etcd.lock(node)

        def active():
            return [node for node in nodes if node.process and node.stat("repl_role") == "active"]

        lab.until(lambda: len(active()) == 1, "one node is active", 30)
        first, = active()
        second, = nodes - {first}
        assert first.client().store("k", "v") == "STORED"
        lab.drained(first)
        first.kill()
        lab.until(lambda: active() == [second], "the other node has got the lock", 30)
        assert second.client().item("k")
        first.start()
        lab.linked(first, second)
        lab.drained(second)
        assert second.ctl("handover")[0] == 0
        lab.until(lambda: active() == [first], "the lock has followed the handover", 30)
        lab.until(lambda: first.stat("repl_fit") == second.stat("repl_fit") == "1",
                  "both are fit: the old one may be asked again", 30)
        os.killpg(etcd.processes[0].pid, signal.SIGSTOP)
        end = time.monotonic() + 5  # longer than the lock's 3 s without a renewal

        def stays():
            assert active() == [first] and first.client().store("k", "w") == "STORED"
            return time.monotonic() > end

        lab.until(stays, "the lock would have run out")
        os.killpg(etcd.processes[0].pid, signal.SIGCONT)
