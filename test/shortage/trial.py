"""Runs one case after another on one pair, or on a new one if the last has suffered."""

import os
import subprocess
import time

from books import Books
from cases import WHERE, Case
from harness.report import Failed
from judge import Judge, Verdict
from ledger import KINDS, Order
from pair import Pair
from session import SOON, Session

WARM = 3  # sessions, until a new pair has all the memory that it keeps


class Trial:
    def __init__(self, build):
        self.build, self.pair, self.books = build, None, None
        self.sites = {where: {} for where in WHERE}
        self.number = 0

    @staticmethod
    def shim_of(build):
        return os.path.join(build.folder, ".libs", "shortage.so")

    def place(self, site):
        """The position in our sources, if it is in them."""
        if not site:
            return ""
        folder = self.build.folder if site.module == "mcd" else os.path.join(self.build.folder, ".libs")
        done = subprocess.run(["addr2line", "-f", "-s", "-e", os.path.join(folder, site.module),
                               "%x" % (site.offset - 1)], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, check=False)
        return " " + " ".join(done.stdout.decode(errors="replace").split()[:2])

    def close(self):
        """Returns the problems at the end, as text."""
        pair, self.pair = self.pair, None
        return pair.close() if pair else ""

    def fresh_pair(self):
        """Two nodes in sync, with some items."""
        self.close()
        self.books, self.pair = Books(), Pair(self.build, self.shim_of(self.build))
        self.pair.start()
        self.warm(WARM)

    def warm(self, sessions):
        """New processes get all the memory that they keep."""
        for _ in range(sessions):
            self.play()
        self.pair.lab.until(self.pair.is_settled, "the pair is in sync")
        self.pair.measure()

    def play(self, part=Session.play, *of):
        self.number += 1
        session = Session(self.pair, self.books, self.number)
        try:
            part(session, *of)
        finally:
            session.close()
            self.pair.heal()
        return session

    def learn(self, where, ledger, before):
        """Adds the calls since then."""
        rows = self.sites[where]
        for site, (calls, failed) in ledger.sites().items():
            old = before.get(site, (0, 0))
            known = rows.get(site, (0, 0))
            rows[site] = max(known[0], calls - old[0]), known[1] + failed - old[1]

    def look_around(self):
        """Learns which calls are made while nothing fails."""
        self.fresh_pair()
        for where in WHERE:
            self.run(Case(where, Order(KINDS[0], 1, 0)))

    # ---- the places of a case

    def in_running(self, where, order):
        active = self.pair.active()
        node = active if where == "active" else self.pair.other(active)
        ledger = self.pair.ledgers[node.name]
        before = ledger.sites()
        ledger.begin(order)
        try:
            return self.play()
        finally:
            ledger.end()
            self.learn(where, ledger, before)

    def in_starting(self, where, order, judge, verdict):
        """It starts, or ends with a message and an exit code of its own. "return": it is
        written to at once, like a node that restarted so fast that the address has not
        moved."""
        node = self.pair.other(self.pair.active())
        self.pair.kill(node)
        self.pair.launch(node, order)
        ledger = self.pair.ledgers[node.name]
        try:
            self.pair.lab.until(node.answers, "it answers", 5)
            if where == "return":
                self.play(Session.come_back, node)
            self.pair.await_soon(self.pair.is_linked, SOON)
        except Failed as error:
            code = self.pair.ended(node)
            if code is None or code < 0 or "mcd: " not in judge.said(node):
                verdict.crashes.append("start: %s, %s" % (error, judge.why(node)))
        ledger.end()
        self.learn(where, ledger, {})
        if self.pair.ended(node) is not None:
            self.pair.bury(node)
        self.pair.start()
        judge.restarted(node)
        self.pair.forget_size(node)

    def run(self, case):
        """Returns the verdict, and how long it took."""
        begun = time.monotonic()
        if not self.pair:
            self.fresh_pair()
        judge, verdict, session = Judge(self.pair, self.books), Verdict(), None
        if case.where in ("start", "return"):
            self.in_starting(case.where, case.order, judge, verdict)
            judge.judge(verdict)
            if verdict.is_clean():
                self.warm(1)
        else:
            session = self.in_running(case.where, case.order)
            judge.judge(verdict)
        verdict.unanswered = session.unanswered() if session else 0
        if not verdict.is_clean():
            for node in self.pair.nodes:
                verdict.log[node.name] = judge.said(node) + verdict.log.get(node.name, "")
            self.close()
        return verdict, time.monotonic() - begun
