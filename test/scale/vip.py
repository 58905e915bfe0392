"""An address that can move, played by a relay.

It puts the address on the loopback interface of the run's own network namespace and
listens on it. It moves as with keepalived: while nobody has the address, connections to
it are refused.
"""

import selectors
import socket
import struct
import threading

import net

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


class Vip:
    """An address, and the node that has it."""

    def __init__(self, address, port=11211):
        self.address, self.port = address, port
        net.ip("addr", "add", address + "/32", "dev", "lo")
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
        """Gives the address to the node; None: to nobody. Existing connections end."""
        self.order(("move", node))

    def hang(self):
        """The machine behind the address is gone: nothing answers any more."""
        self.order(("hang", None))

    def close(self):
        self.order(("end", None))
        self.thread.join(5)
        self.orders.close()
        self.mine.close()
        net.ip("addr", "del", self.address + "/32", "dev", "lo")

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
        if other is None:  # closed together with its other half
            return
        del self.other[other]
        for one in (end, other):
            self.unwatch(one)
            self.reset(one)
