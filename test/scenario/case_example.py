"""doc/example-engine/: it builds with what mcd-dev installs, and mcd serves clients with it."""

import os
import shutil
import subprocess

from harness.report import Skip

PLACE = "mcd"
SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                      "doc", "example-engine")


def build(lab):
    """`make install` of the interface into a folder, and `make` of the example with that alone."""
    for tool in ("make", "cc", "pkg-config"):
        if not shutil.which(tool):
            raise Skip("%s is not installed" % tool)
    root, folder = os.path.join(lab.folder, "root"), os.path.join(lab.folder, "example")
    shutil.copytree(SOURCE, folder)
    environment = {name: value for name, value in lab.environment.items() if name != "MAKEFLAGS"}
    subprocess.run(["make", "-s", "-C", lab.build.folder, "install-interfaceHEADERS",
                    "install-pkgconfigDATA", "DESTDIR=" + root], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    found = [path for path, _, names in os.walk(root) if "memcached-engine.pc" in names]
    environment.update(PKG_CONFIG_PATH=found[0], PKG_CONFIG_SYSROOT_DIR=root)
    done = subprocess.run(["make", "-s", "-C", folder, "CFLAGS=-std=c11 -Wall -Wextra -Werror"],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout.decode()
    return os.path.join(folder, "plain_engine.so")


def case_engine(lab):
    """Each kind of command that its page promises."""
    a = lab.add("a", engine=build(lab), config="items=100").start()
    client = a.client()
    assert client.store("k", "value", flags=7) == "STORED"
    flags, cas, value = client.item("k")
    assert (flags, value) == (7, b"value")
    assert client.store("k", "w", command="cas", cas=cas + 1) == "EXISTS"
    assert client.store("k", "w", command="cas", cas=cas) == "STORED"
    assert client.store("k", "w", command="add") == "NOT_STORED"
    assert client.store("other", "w", command="replace") == "NOT_STORED"
    assert client.store("k", "+", command="append") == "STORED"
    assert client.store("k", "-", command="prepend") == "STORED"
    assert client.item("k")[2] == b"-w+"
    assert client.store("n", "41") == "STORED" and client.ask("incr n 1") == [b"42"]
    assert client.store("brief", "v", exp=1) == "STORED"
    lab.until(lambda: client.item("brief") is None, "it expires")
    assert client.ask("delete k") == [b"DELETED"] and client.item("k") is None
    for number in range(99):
        assert client.store("fill%d" % number, "v") == "STORED"
    assert client.store("surplus", "v") != "STORED"
    assert client.store("fill0", "replaced") == "STORED"
    assert a.stats()["curr_items"] == "100"
    assert client.ask("flush_all") == [b"OK"] and a.stats()["curr_items"] == "0"
    assert client.store("n", "1") == "STORED"
