"""conf/container/: HAProxy's configuration by HAProxy; and, where MCD_BASE names a Debian image that
podman has, the images and the composition: clients write through HAProxy, and a node is replaced."""

import os
import re
import shutil
import subprocess
import time

from case_kubernetes import directives
from harness.report import Failed, Skip
from harness.wire import Closed, Connection, Timeout

CONF = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "conf")
PROJECT = "mcdtest%d" % os.getpid()


def read(*words):
    with open(os.path.join(CONF, *words), encoding="utf-8") as file:
        return file.read()


def case_haproxy(lab):
    """It is the one of conf/scale/ with names in place of addresses, and HAProxy takes it."""
    config = read("container", "haproxy.cfg")
    wanted = directives(re.sub(r"10\.0\.0\.1\b", "a", re.sub(r"10\.0\.0\.2\b", "b",
                                                             read("scale", "haproxy-http.cfg"))))
    missing = wanted - directives(config) - {"bind 127.0.0.1:11311"}
    assert not missing, missing
    if not shutil.which("haproxy"):
        raise Skip("haproxy is not installed")
    path = os.path.join(lab.folder, "haproxy.cfg")
    with open(path, "w", encoding="utf-8") as file:
        file.write(config.replace("init-addr last,libc,none", "init-addr none"))
    done = subprocess.run(["haproxy", "-c", "-f", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False)
    assert done.returncode == 0, done.stdout.decode()


def compose(*words):
    done = subprocess.run(["podman-compose", "-p", PROJECT, "-f", os.path.join(CONF, "container", "compose.yaml")]
                          + list(words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          env=dict(os.environ, BASE=os.environ["MCD_BASE"]))
    text = done.stdout.decode(errors="replace")
    # podman-compose ends with 0 also if podman could not build an image.
    if done.returncode or re.search("^Error: ", text, re.M):
        raise Failed(text[-800:])


def podman(*words):
    done = subprocess.run(["podman"] + list(words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    return done.returncode, done.stdout.decode().strip()


def name(service):
    return "%s_%s_1" % (PROJECT, service)


def case_pair(lab):
    """The images are built and started; see the head of this file."""
    for program in ("podman", "podman-compose"):
        if not shutil.which(program):
            raise Skip(program + " is not installed")
    if not os.environ.get("MCD_BASE"):
        raise Skip("MCD_BASE names no image of Debian 12 (./dev extras container makes one)")
    if os.environ.get("MCD_IMAGES") != "built":
        compose("build")
    try:
        compose("up", "-d", "--no-build")
        return play(lab)
    finally:
        compose("down")


def play(lab):
    code, address = podman("inspect", name("proxy"), "--format",
                           "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    assert code == 0 and address, address

    def works(key):
        try:
            connection = Connection((address, 11211), 2.0)
            try:
                return connection.store(key, "v") == "STORED" and connection.item(key)
            finally:
                connection.close()
        except (Closed, Timeout, OSError):
            return False

    def says(service, words):
        return words in podman("exec", name(service), "mcreplctl", "health")[1]

    lab.until(lambda: says("a", "in sync") and says("b", "in sync"), "the containers have met", 60)
    lab.until(lambda: works("before"), "clients can write", 30)
    active, = [service for service in "ab" if says(service, "active")]
    standby = "b" if active == "a" else "a"
    begun = time.monotonic()
    assert podman("kill", name(active))[0] == 0
    lab.until(lambda: works("after"), "clients can write again", 30)
    took = time.monotonic() - begun
    assert says(standby, "active")
    return "clients could write again %.0f ms after a container was killed" % (took * 1000)
