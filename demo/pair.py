#!/usr/bin/python3
"""A pair of nodes on this machine, until Ctrl-C ends it.

    demo/pair.py [--build DIR] [-m MEGABYTES] [-p PORT]

Node A has the address 127.0.0.1 and node B has 127.0.0.2, both with the same ports, as two
machines have them. All is printed that it takes to play with them.
"""

import argparse
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time

A, B = "127.0.0.1", "127.0.0.2"
PATIENCE = 10.0

WELCOME = """
A pair runs here: node A at {a}:{port}, node B at {b}:{port}. In another terminal:

    {ctl} -s {folder}/A.sock status
    {ctl} -s {folder}/B.sock status --watch

    printf 'set greeting 0 0 5\\r\\nhello\\r\\nquit\\r\\n' | nc {a} {port}     # A becomes active
    printf 'get greeting\\r\\nquit\\r\\n' | nc {b} {port}                     # B has it

    {ctl} -s {folder}/A.sock handover        # B becomes active; nothing is lost
    kill -9 {pid_a}                      # or A dies; the next write makes B active

Ctrl-C ends both.
"""


def is_free(address, port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def free_ports(count, first):
    """Ports that are free at both addresses; the first one is `first`, if that is free."""
    found = []
    for port in range(first, 65536):
        if all(is_free(address, port) for address in (A, B)):
            found.append(port)
        if len(found) == count:
            return found
    sys.exit("no ports are free from %d on" % first)


def node(arguments, folder, name, here, there, ports):
    """Starts one node. A root must name the user of mcd."""
    port, link = ports
    command = [os.path.join(arguments.build, "mcd"), "-l", here, "-p", str(port),
               "-m", str(arguments.m), "-E", "repl_engine.so", "-e",
               "peer=%s:%d;listen=%s:%d;control=%s/%s.sock"
               % (there, link, here, link, folder, name)]
    if os.geteuid() == 0:
        command[1:1] = ["-u", "root"]
    print("%s: %s" % (name, " ".join(shlex.quote(word) for word in command)), flush=True)
    return subprocess.Popen(command)


def linked(ctl, folder):
    done = subprocess.run([ctl, "-s", folder + "/A.sock", "status"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return b"streaming" in done.stdout


def wait_for_link(nodes, ctl, folder):
    end = time.monotonic() + PATIENCE
    while not linked(ctl, folder):
        if any(process.poll() is not None for process in nodes):
            sys.exit("a node has ended; its last line says why")
        if time.monotonic() > end:
            sys.exit("the nodes have not met within %.0f s" % PATIENCE)
        time.sleep(0.05)


def run(arguments, folder):
    ctl = os.path.join(arguments.build, "mcreplctl")
    ports = free_ports(2, arguments.p)
    nodes = [node(arguments, folder, "A", A, B, ports), node(arguments, folder, "B", B, A, ports)]
    try:
        wait_for_link(nodes, ctl, folder)
        print(WELCOME.format(a=A, b=B, port=ports[0], ctl=os.path.relpath(ctl), folder=folder,
                             pid_a=nodes[0].pid), flush=True)
        for process in nodes:
            process.wait()
    except KeyboardInterrupt:
        pass
    finally:
        for process in nodes:
            process.terminate()
        for process in nodes:
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("-m", type=int, default=64, metavar="MEGABYTES", help="memory for items")
    parser.add_argument("-p", type=int, default=11211, metavar="PORT",
                        help="clients' port; the next free one is used (default: 11211)")
    with tempfile.TemporaryDirectory(prefix="mcd-") as folder:
        run(parser.parse_args(), folder)


if __name__ == "__main__":
    main()
