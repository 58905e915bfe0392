"""Pairs of nodes, each behind an address that can move from one node to the other.

Relays (vip.py) play the addresses, with the same timing as keepalived.
"""

import threading
import time

from harness.report import Failed
from vip import Vip

MOVE_S = 0.06  # more than keepalived needs to move the address after the death of a node
LATE_S = 0.6   # the same if only its script notices
CUT_S = 0.35   # and after the death of the whole machine, which nobody reports


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

    def promote(self, node):
        code, text = node.ctl("promote")
        if code:
            raise Failed("promote of %s: %s" % (node.name, text))

    def fail_over(self):
        """The active node dies; keepalived moves the address and tells the guard, which
        promotes. Returns from when to when nobody had the address."""
        return self.lose(lambda: self.vip.move(None), MOVE_S)

    def fail_over_late(self):
        """The same without a guard: only keepalived's script, once a second, notices."""
        return self.lose(lambda: self.vip.move(None), LATE_S)

    def lose_power(self):
        """Like fail_over, but without a packet about it: clients must notice by
        time-outs."""
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
        """Restarts the dead node, empty, and waits until it is filled."""
        self.standby.start()
        self.drained()

    def client(self):
        """A connection to the active node itself, for queries."""
        return self.active.client()

    def drained(self):
        self.lab.drained(self.active)


def pairs(lab, count=4):
    return [Pair(lab, number) for number in range(1, count + 1)]
