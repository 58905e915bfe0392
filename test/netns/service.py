"""Processes that are supervised as systemd does it: restarted when they die."""

import os
import signal
import subprocess
import threading
import time

from harness.report import Failed

RESTART_AFTER = 0.1  # RestartSec=100ms


def children_of(pid):
    """All descendants of a process."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            children = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return children + [more for child in children for more in children_of(child)]


def kill(pid, number=signal.SIGKILL):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Service:
    """One program of one node. prepare: called before each start, like ExecStartPre."""

    def __init__(self, name, command, log_path, prepare=None, environment=None, forks=False):
        self.name, self.command, self.log_path = name, command, log_path
        self.prepare, self.environment = prepare, environment
        self.forks = forks
        self.process = None
        self.is_wanted = False       # it should run: no test has ended it
        self.restart_after = RESTART_AFTER
        self.starts = self.deaths = 0
        self.due = None              # when to restart it
        self.family = []             # its known children
        self.lock = threading.RLock()

    def start(self):
        with self.lock:
            if self.process:
                raise Failed("%s runs already" % self.name)
            self.is_wanted, self.due = True, None
            self.launch()
        return self

    def launch(self):
        if self.prepare:
            self.prepare()
        self.starts += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.environment)

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def send(self, number):
        if self.process:
            kill(self.process.pid, number)

    def family_now(self):
        with self.lock:
            return [self.pid] + children_of(self.pid) if self.process else []

    def kill(self, restart=False):
        """Kills it with all its children, as a crash does. restart: as systemd would."""
        with self.lock:
            self.is_wanted = restart
            family = self.family_now()
            for pid in family:
                kill(pid)
            moment = time.monotonic()
            self.collect()
        return moment

    def stop(self, number=signal.SIGTERM, patience=10.0):
        """Ends it as an operator does. Returns the exit code; None if it did not run."""
        with self.lock:
            self.is_wanted, self.due = False, None
            if not self.process:
                return None
            family = self.family_now()
            self.send(signal.SIGCONT)
            self.send(number)
            try:
                code = self.process.wait(patience)
            except subprocess.TimeoutExpired:
                code = None
                self.process.kill()
                self.process.wait()
            for pid in family[1:]:
                kill(pid)
            self.process = None
        if code is None:
            raise Failed("%s did not end after signal %d" % (self.name, number))
        return code

    def collect(self):
        """It has died or is dying: ends its remaining children, too."""
        if not self.process:
            return
        self.process.wait()
        for pid in self.family:
            kill(pid)
        self.process, self.family = None, []
        if self.is_wanted:
            self.deaths += 1
            self.due = time.monotonic() + self.restart_after

    def look(self):
        """A step of the supervisor: notices a death, and restarts the service when it is
        due."""
        with self.lock:
            if self.process and self.process.poll() is not None:
                self.collect()
            elif self.process and self.forks:
                self.family = children_of(self.process.pid)
            elif self.due and time.monotonic() >= self.due:
                self.due = None
                self.launch()

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Supervisor:
    def __init__(self):
        self.services = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over.wait(0.01):
            for service in list(self.services):
                service.look()

    def close(self):
        self.is_over.set()
        self.thread.join()
