"""One load on one pair: warms it up, asks both nodes, fails over, continues. See
bench/warm."""

import subprocess
from dataclasses import dataclass, field

import contestants
from harness.report import Failed

WINDOW = 64000  # requests
COUNTED = 20  # windows before the fail-over, and after it, that the results are made from
ASKED = 32000  # requests to each node before the fail-over
SHRINK = 8  # how much smaller everything is with --quick
SMALLER = ("--keys", "--passers")


@dataclass(frozen=True)
class Load:
    name: str
    size: int = 64  # megabytes of the active node
    standby_size: int = 0  # 0: the same
    trace: tuple = ()  # options of warm_load
    rate: int = 0  # most requests a second
    warm: int = 80  # windows until the hit ratio is steady
    twist: str = ""  # what happens before the fail-over: a method of Play

    @property
    def is_lopsided(self):
        """True if the standby is compared with a single node of the standby's size."""
        return self.standby_size not in (0, self.size)


@dataclass
class Window:
    at: float  # its end, in seconds from the start of its stretch
    gets: int  # of keys that a cache can hit
    hits: int


@dataclass
class Result:
    load: str
    server: str
    before: list = field(default_factory=list)  # windows
    after: list = field(default_factory=list)
    asked_active: float = 0
    asked_standby: float = 0
    lone: float = 0  # hit ratio of a single mcd of the standby's size, for a lopsided pair
    lone_before: float = 0
    goals: tuple = (0.99, 0.98)  # for share_asked and for share_least

    @property
    def ratio_before(self):
        return self.lone_before or ratio(self.before)

    @property
    def least(self):
        return min(ratio([window]) for window in self.after)

    @property
    def share_asked(self):
        return self.asked_standby / (self.lone or self.asked_active)

    @property
    def share_least(self):
        return self.least / self.ratio_before

    @property
    def burst(self):
        """Additional misses in the windows after the fail-over, compared with before."""
        wanted = self.ratio_before * sum(window.gets for window in self.after)
        return wanted - sum(window.hits for window in self.after)


def ratio(windows):
    return sum(window.hits for window in windows) / sum(window.gets for window in windows)


class Play:
    def __init__(self, lab, load, arguments, rate=0):
        self.lab, self.load = lab, load
        self.rate = load.rate or rate  # of everything except the warm-up
        self.shrink = SHRINK if arguments.quick else 1
        self.seed = arguments.seed
        self.position = 0  # in the trace

    # ---- stretches of the trace

    def command(self, pair, node, requests, *options):
        host, port = node.address
        words = [self.lab.build.warm_load, "--host", host, "--port", port, "--dialect",
                 pair.dialect, "--requests", requests, "--window", WINDOW // self.shrink,
                 "--keys", 600000, *self.load.trace, *options]
        for at, word in enumerate(words):
            if word in SMALLER:
                words[at + 1] = int(words[at + 1]) // self.shrink
        return [str(word) for word in words]

    def begin(self, pair, windows, rate):
        """Continues the trace on the active node; returns the process."""
        requests = windows * (WINDOW // self.shrink)
        options = ("--from", self.position, "--seed", self.seed, "--rate", rate)
        self.position += requests
        return start(self.command(pair, pair.active, requests, *options))

    def go_on(self, pair, windows, rate=None):
        return windows_of(self.begin(pair, windows, self.rate if rate is None else rate))

    def ask(self, pair, node):
        """The hit ratio of plain gets for keys of the trace; missing keys are not set."""
        options = ("--ask", 1, "--seed", self.seed + 1)
        return ratio(windows_of(start(self.command(pair, node, ASKED // self.shrink, *options))))

    # ---- what may happen before the fail-over

    def change_roles(self, pair, result):
        """Swaps the roles ten times; the windows between count as windows after a
        fail-over."""
        for number in range(10):
            pair.change_roles(number)
            result.after += self.go_on(pair, 5)

    def refill(self, pair, result):
        """Restarts the standby empty while the load continues."""
        load = self.begin(pair, 2 * COUNTED, self.rate)
        pair.restart_standby()
        pair.settle()
        result.before = windows_of(load)[-COUNTED:]

    # ---- the whole play

    def size_of(self, megabytes):
        return max(megabytes // self.shrink, 2)

    def play(self, kind):
        load = self.load
        result = Result(load.name, kind.name)
        if load.is_lopsided:
            result.lone, result.lone_before = self.play_lone()
            result.goals = (0.97, 0.97)
        self.position = 0
        pair = kind(self.lab, self.size_of(load.size), self.size_of(load.standby_size or load.size))
        try:
            self.play_pair(pair, result)
        finally:
            pair.close()
        return result

    def play_pair(self, pair, result):
        self.warm_up(pair)
        result.before = self.go_on(pair, COUNTED)
        if self.load.twist:
            getattr(self, self.load.twist)(pair, result)
        pair.settle()
        if pair.is_standby_readable:
            result.asked_standby = self.ask(pair, pair.standby)
        result.asked_active = self.ask(pair, pair.active)
        pair.fail_over()
        if not pair.is_standby_readable:
            result.asked_standby = self.ask(pair, pair.active)
        result.after += self.go_on(pair, COUNTED)

    def warm_up(self, pair):
        self.go_on(pair, self.load.warm, self.load.rate)

    def play_lone(self):
        lone = contestants.Lone(self.lab, self.size_of(self.load.standby_size))
        self.warm_up(lone)
        before = self.go_on(lone, COUNTED)
        asked = self.ask(lone, lone.active)
        lone.active.stop()
        return asked, ratio(before)


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def windows_of(process):
    """Waits for the end of a load; returns its windows."""
    out, error = process.communicate()
    if process.returncode != 0:
        raise Failed("warm_load: %s" % (error.strip() or out.splitlines()[-1]))
    rows = [line.split()[1:] for line in out.splitlines() if line.startswith("window ")]
    return [Window(float(at), int(gets), int(hits)) for at, gets, hits in rows]
