"""A client through a fail-over.

Called with the last word `repeat`, a client stores the key `before` once. Then it stores and reads
the key `count`, and reads both, until its input ends, with settings by which it comes back soon.
After each time it prints `ok NUMBER`; `error ...` if a command failed, or a value was not what it
had stored. So it never works again if the other node does not have `before`.
"""

import time

from harness.proxy import Proxy
from harness.report import Failed
from harness.worker import Worker

PATIENCE = 15.0  # seconds; some libraries look at a lost server every few seconds only


class Repeater(Worker):
    def __init__(self, command, environment):
        self.lines = []
        super().__init__(command, self.note, env=environment)

    def note(self, line):
        self.lines.append((time.monotonic(), line))

    def good(self, since=0.0):
        return [at for at, line in self.lines if line.startswith("ok ") and at > since]

    def bad(self):
        return [line for _, line in self.lines if not line.startswith("ok ")]


def wait(lab, repeater, since, what):
    try:
        lab.until(lambda: len(repeater.good(since)) > 20 or repeater.process.poll() is not None, what,
                  seconds=4 * PATIENCE)
    except Failed as error:
        raise Failed("%s: %s" % (error, repeater.bad()[-3:])) from None
    if repeater.process.poll() is not None:
        raise Failed("the client ended: %s" % repeater.bad()[-5:])


def fail_over(lab, nodes, command, environment):
    """`nodes` are a pair that has not started. `command` gets the address of a relay, which leads to the active node, and then to the other
    one. Returns what happened, as text."""
    a, b = nodes
    a.start()
    b.start()
    lab.linked(a, b)
    relay = Proxy(a.port)
    try:
        with Repeater(command + ["127.0.0.1", str(relay.port), "repeat"], environment) as repeater:
            wait(lab, repeater, 0.0, "the client works")
            lab.drained(a)
            down = time.monotonic()
            a.kill()
            relay.cut()
            b.ctl("promote")
            relay.target = ("127.0.0.1", b.port)
            relay.heal()
            back = time.monotonic()
            before = max(at for at in repeater.good() if at <= back)
            wait(lab, repeater, back, "the client works at the other node")
            gap = repeater.good(back)[0] - before
    finally:
        relay.close()
    if gap > PATIENCE * lab.build.slowness:
        raise Failed("it came back after %.1f s: %s" % (gap, repeater.bad()[-3:]))
    return "gap %.0f ms, %d errors; nobody was active for %.0f ms" % (
        gap * 1000, len(repeater.bad()), (back - down) * 1000)
