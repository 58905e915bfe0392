"""Starts the other servers that mcd is compared with, in a lab."""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "test"))

from harness.lab import Node, free_port  # noqa: E402


def is_installed(*programs):
    return all(shutil.which(program) for program in programs)


def add(lab, program, *options, name=None):
    """A node of the lab that has not been started yet. PORT in its options becomes its
    port."""
    node = Node(lab, name or program, [program, *options], free_port())
    node.command = [word.replace("PORT", str(node.port)) for word in node.command]
    lab.nodes[node.name] = node
    return node


def add_memcached(lab, *options, program="memcached"):
    return add(lab, program, "-u", "root", "-l", "127.0.0.1", "-p", "PORT", *options, name="memcached")


def add_redis(lab, *options, name=None):
    return add(lab, "redis-server", "--port", "PORT", "--save", "", "--appendonly", "no", "--bind",
               "127.0.0.1", *options, name=name)


def add_yrmcds(lab, *settings, name=None):
    """The settings are lines of its configuration file; later ones override those written
    here."""
    path = os.path.join(lab.folder, (name or "yrmcds") + ".conf")
    node = add(lab, "yrmcdsd", "-f", path, name=name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(("port = %d" % node.port, "workers = 1", *settings)) + "\n")
    return node
