"""Pairs of nodes, each behind an address that can move from one node to the other.

The test lives in a network namespace of its own, so the addresses and ports in conf/scale are
used as they stand there. A pair's VIP is played by a relay that listens on that address, and is
moved as keepalived does it: while nobody has the address, connecting to it is refused.
"""

import os
import selectors
import socket
import struct
import subprocess
import threading
import time

from harness.report import Failed
from harness.wire import Connection

HERE = os.path.dirname(os.path.abspath(__file__))
CONF = os.path.join(HERE, "..", "..", "conf", "scale")
MOVE_S = 0.06  # what keepalived needs from the death of a node to the move of its address
LATE_S = 0.6   # the same if only its script notices
CUT_S = 0.35   # and from the death of the whole machine, which nothing tells
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Vip:
    """An address and who has it."""

    def __init__(self, address, port=11211):
        self.address, self.port = address, port
        self.target = None
        self.hung = False
        self.other = {}
        self.orders, self.mine = socket.socketpair()
        self.done_orders = threading.Semaphore(0)
        self.listener = None
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.mine, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def move(self, node):
        """The node has the address from now on; None: nobody. Connections that were end."""
        self.order(("move", node))

    def hang(self):
        """The machine behind the address is gone: nothing comes back from it."""
        self.order(("hang", None))

    def close(self):
        self.order(("end", None))
        self.thread.join(5)
        self.orders.close()
        self.mine.close()

    # ---- the relay thread

    def order(self, order):
        self.wanted = order
        self.orders.send(b"x")
        self.done_orders.acquire()

    def loop(self):
        word = None
        while word != "end":
            for key, _ in self.selector.select():
                if key.fileobj is self.mine:
                    self.mine.recv(1)
                    word, node = self.wanted
                    self.obey(word, node)
                    self.done_orders.release()
                elif key.fileobj is self.listener:
                    self.accept()
                else:
                    self.relay(key.fileobj)

    def obey(self, word, node):
        if word == "hang":
            for end in [end for end in self.selector.get_map().values()
                        if end.fileobj is not self.mine]:
                self.selector.unregister(end.fileobj)
            return
        for end in list(self.other):
            self.drop(end)
        if self.listener:
            self.unwatch(self.listener)
            self.listener.close()
            self.listener = None
        if word == "move" and node:
            self.target = node.address
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind((self.address, self.port))
            self.listener.listen(64)
            self.selector.register(self.listener, selectors.EVENT_READ)

    def unwatch(self, end):
        if end in self.selector.get_map():
            self.selector.unregister(end)

    def accept(self):
        near, _ = self.listener.accept()
        try:
            far = socket.create_connection(self.target, 1.0)
        except OSError:
            self.reset(near)
            return
        for one, two in ((near, far), (far, near)):
            one.settimeout(5.0)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.other[one] = two
            self.selector.register(one, selectors.EVENT_READ)

    @staticmethod
    def reset(end):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        end.close()

    def relay(self, source):
        if source not in self.other:
            return
        try:
            data = source.recv(1 << 18)
            if data:
                self.other[source].sendall(data)
                return
        except OSError:
            pass
        self.drop(source)

    def drop(self, end):
        other = self.other.pop(end, None)
        if other is None:  # gone with its other half
            return
        del self.other[other]
        for one in (end, other):
            self.unwatch(one)
            self.reset(one)


class Pair:
    def __init__(self, lab, number):
        names = ("a%d" % number, "b%d" % number)
        self.lab, self.number = lab, number
        self.active, self.standby = lab.pair(
            "-m", "64", "-t", "2", names=names, config="standby_writes=alone;dirty_bits=16")
        self.vip = Vip("10.0.0.%d" % (100 + number))
        lab.proxies.append(self.vip)
        self.promote(self.active)
        self.vip.move(self.active)

    @property
    def place(self):
        return "%s:%d" % (self.vip.address, self.vip.port)

    def promote(self, node):
        code, text = node.ctl("promote")
        if code:
            raise Failed("promote of %s: %s" % (node.name, text))

    def fail_over(self):
        """The active dies; keepalived moves the address and tells the guard, which promotes.
        When nobody had the address: from, to."""
        return self.lose(lambda: self.vip.move(None), MOVE_S)

    def fail_over_late(self):
        """The same without a guard: only keepalived's script, once a second, notices."""
        return self.lose(lambda: self.vip.move(None), LATE_S)

    def lose_power(self):
        """As fail_over, but no packet says so: clients must find out by time-outs."""
        return self.lose(self.vip.hang, CUT_S)

    def lose(self, vanish, seconds):
        start = time.monotonic()
        self.active.kill()
        vanish()
        threading.Event().wait(seconds)
        self.promote(self.standby)
        self.vip.move(self.standby)
        self.active, self.standby = self.standby, self.active
        return start, time.monotonic()

    def repair(self):
        """The dead node is started again, empty, and filled."""
        self.standby.start()
        self.lab.drained(self.active)

    def count(self):
        return int(self.active.stats()["curr_items"])


def pairs(lab, count=4):
    return [Pair(lab, number) for number in range(1, count + 1)]


class Program:
    """A proxy: something that is not ours, with its log."""

    def __init__(self, lab, name, command, address):
        self.lab, self.name, self.log_path = lab, name, os.path.join(lab.folder, name + ".log")
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=lab.folder)
        lab.proxies.append(self)
        lab.until(lambda: self.answers(address), "%s takes connections" % name)

    def answers(self, address):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                raise Failed("%s ended with %d: %s" % (self.name, self.process.returncode,
                                                       log.read()[-400:].strip()))
        try:
            Connection(address, 1.0).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nutcracker(lab):
    stats = os.path.join(lab.folder, "nutcracker")
    Program(lab, "nutcracker",
            ["nutcracker", "-c", os.path.join(CONF, "nutcracker.yml"), "-a", "127.0.0.1",
             "-s", "22222", "-o", stats + ".out", "-p", stats + ".pid"], ("127.0.0.1", 22121))
    return ("127.0.0.1", 22121)


def have(*probe):
    """A program, or a module of one, is installed."""
    try:
        return subprocess.run(probe, check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False
