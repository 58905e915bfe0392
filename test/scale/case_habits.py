"""Usual applications, PHP sessions and Dalli, with their defaults and with the settings
that we recommend, through the fail-over of a pair."""

import os
import time

from harness.report import Failed, Skip
from harness.worker import Worker
from pairs import Pair
from programs import CONF, HERE, have


class Application(Worker):
    """Its output lines: (when, ok or error, what)."""

    def __init__(self, lab, command):
        self.lines = []
        super().__init__(command, self.note, cwd=lab.folder)

    def note(self, line):
        words = line.split(" ", 2)
        try:
            self.lines.append((float(words[0]), words[1], words[2]))
        except (ValueError, IndexError):
            self.lines.append((time.monotonic(), "error", line))

    def good(self, since=0.0):
        return [line for line in self.lines if line[1] == "ok" and line[0] > since]

    def bad(self):
        return [line for line in self.lines if line[1] != "ok"]

    def gap(self, start, back, patience):
        """ms from the last success before `start` to the first one after it; None if
        there is none."""
        deadline = time.monotonic() + patience
        while not self.good(back):
            if time.monotonic() > deadline or self.process.poll() is not None:
                return None
            time.sleep(0.01)
        before = max((line[0] for line in self.good() if line[0] <= start), default=start)
        return (self.good(back)[0][0] - before) * 1000


def through(lab, pair, command, act, patience):
    """A worker through a fail-over: returns its gap (ms or None), the rest of its data,
    its errors long after it, and all of that as text."""
    with Application(lab, command) as worker:
        lab.until(lambda: len(worker.good()) > 20, "%s works (%s)" % (command[0], worker.bad()[-1:]))
        start, back = act()
        gap = worker.gap(start, back, patience * lab.build.slowness)
        bad = worker.bad()
        if gap is not None:
            count = len(worker.good()) + 20
            lab.until(lambda: len(worker.good()) > count, "%s works on" % command[0])
        last = [int(line[2]) for line in worker.good() if line[0] <= start][-1]
        first = [int(line[2]) for line in worker.good(back)][:1]
    pair.repair()
    kept = "nothing" if not first else "kept" if first[0] >= last else "LOST (%d after %d)" % (first[0], last)
    text = "gap %s, %d errors%s, data %s" % (
        "more than %g s" % patience if gap is None else "%.0f ms" % gap, len(bad),
        " (%s)" % next((line[2][:70] for line in bad if line[2]), "") if bad else "", kept)
    late = [line for line in bad if line[0] > back + patience * lab.build.slowness]
    return gap, back - start, kept, late, text


def compare(lab, what, commands, patience):
    """Each form of an application through both kinds of fail-over; ours must succeed."""
    pair = Pair(lab, 1)
    for form, command in commands:
        for act in (pair.fail_over, pair.fail_over_late if what == "Dalli" else pair.lose_power):
            # A new session each time: the last one may still be locked.
            word = "%s-%s" % (form, act.__name__)
            gap, down, kept, late, text = through(lab, pair, command + [word], act,
                                                patience if form == "shipped" else 2.5)
            print("     %s, %s, %s: %s" % (what, form, act.__name__, text))
            if form == "shipped" and (gap is None or gap > (down + patience * lab.build.slowness) * 1000
                                      or kept != "kept" or late):
                raise Failed("%s as shipped, %s: %s" % (what, act.__name__, text))


def case_php_sessions(lab):
    if not have("php", "-r", "exit(class_exists('Memcached') ? 0 : 1);"):
        raise Skip("php-memcached is not installed (./dev deps installs it)")
    script = os.path.join(HERE, "session.php")
    plain = ["php", "-d", "session.save_handler=memcached", "-d", "session.save_path=10.0.0.101:11211"]
    compare(lab, "PHP session", (
        ("default", plain + [script, "session_start"]),
        ("persistent", plain + ["-d", "memcached.sess_persistent=On", script, "session_start"]),
        ("shipped", ["php", "-c", os.path.join(CONF, "php-session.ini"), script,
                     "patient_session_start"])), 6.0)


def case_dalli(lab):
    if not have("ruby", "-e", "require 'dalli'"):
        raise Skip("ruby-dalli is not installed (./dev deps installs it)")
    script = os.path.join(HERE, "cache.rb")
    compare(lab, "Dalli", tuple((form, ["ruby", script, form, "10.0.0.101:11211"])
                                for form in ("default", "shipped")), 0.7)
