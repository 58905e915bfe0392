"""A TCP relay that can be cut and healed, and can alter data: the network between two
nodes."""

import collections
import selectors
import socket
import threading
import time

CHUNK = 4096  # of a slow link: small, so that the other direction hardly waits


class Proxy:
    def __init__(self, target_port):
        self.target = ("127.0.0.1", target_port)
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1]
        self.wake_in, self.wake_out = socket.socketpair()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_out, selectors.EVENT_READ)
        self.other = {}
        self.alter = {}  # bytes to replace -> replacement of the same length
        self.open, self.frozen, self.done = True, False, False
        self.muted = None  # "near" or "far": what that side sends is not passed on
        self.near = set()  # the ends of those that have connected
        self.tape = None  # what each side has said: {"near": bytearray(), "far": bytearray()}
        self.quota = None  # bytes to pass before it freezes by itself
        self.rate = None  # bytes a second
        self.free_at = 0.0  # when a slow link has passed on what it has read
        self.delay = 0.0  # seconds that data is on its way; set it before there is any
        self.late = collections.deque()  # (when it arrives, the end that gets it, data)
        self.thread = threading.Thread(target=self.loop, daemon=True)
        self.thread.start()

    def cut(self):
        """Closes the existing connections, and all new ones."""
        self.order(False, False)

    def freeze(self):
        """Keeps the connections but passes nothing on, as a dead switch does."""
        self.order(True, True)

    def mute(self, side):
        """One direction only: near is the side that connects, far the one that is connected to."""
        self.muted = side

    def heal(self):
        self.muted = None
        self.order(True, False)

    def order(self, is_open, frozen):
        self.open, self.frozen = is_open, frozen
        self.wake_in.send(b"x")

    def close(self):
        self.done = True
        self.wake_in.send(b"x")
        self.thread.join(5)
        for end in (self.listener, self.wake_in, self.wake_out):
            end.close()

    # ---- the relay thread

    def loop(self):
        while not self.done:
            for key, _ in self.selector.select(self.next_arrival()):
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj is self.wake_out:
                    self.wake_out.recv(64)
                elif not self.is_held(key.fileobj):
                    self.relay(key.fileobj)
            self.deliver_late()
            if not self.open:
                self.drop_all()
            if (self.frozen or self.muted) and not self.done:
                threading.Event().wait(0.01)
        self.drop_all()

    def is_held(self, end):
        return self.frozen or self.muted == ("near" if end in self.near else "far")

    def accept(self):
        near, _ = self.listener.accept()
        if not self.open:
            near.close()
            return
        try:
            far = socket.create_connection(self.target, 1.0)
        except OSError:
            near.close()
            return
        far.settimeout(5.0)
        near.settimeout(5.0)
        self.near.add(near)
        for one, two in ((near, far), (far, near)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.other[one] = two
            self.selector.register(one, selectors.EVENT_READ)

    def relay(self, source):
        if source not in self.other:
            return
        try:
            data = source.recv(CHUNK if self.rate else 1 << 18)
            if self.tape is not None:
                self.tape["near" if source in self.near else "far"] += data
            self.take_time(len(data))
            for old, new in self.alter.items():
                data = data.replace(old, new)
            if data:
                self.pass_on(self.other[source], data)
                if self.quota is not None:
                    self.quota -= len(data)
                    self.frozen = self.frozen or self.quota <= 0
                return
        except OSError:
            pass
        self.drop(source)

    def pass_on(self, end, data):
        if self.delay:
            self.late.append((time.monotonic() + self.delay, end, data))
        else:
            end.sendall(data)

    def next_arrival(self):
        """Seconds to wait for it, at most half of one."""
        return min(0.5, max(0.0, self.late[0][0] - time.monotonic())) if self.late else 0.5

    def deliver_late(self):
        while self.late and self.late[0][0] <= time.monotonic() and not self.frozen:
            _, end, data = self.late.popleft()
            try:
                if end in self.other:
                    end.sendall(data)
            except OSError:
                self.drop(end)

    def take_time(self, size):
        if self.rate:
            now = time.monotonic()
            self.free_at = max(self.free_at, now - 0.02) + size / self.rate
            if self.free_at > now:
                time.sleep(self.free_at - now)

    def drop(self, end):
        for one in (end, self.other.pop(end, None)):
            if one is not None:
                self.other.pop(one, None)
                self.near.discard(one)
                self.selector.unregister(one)
                one.close()

    def drop_all(self):
        for end in list(self.other):
            if end in self.other:
                self.drop(end)
