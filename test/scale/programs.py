"""Third-party programs: proxies, and whether a program is installed."""

import os
import subprocess

from harness.report import Failed
from harness.wire import Connection

HERE = os.path.dirname(os.path.abspath(__file__))
CONF = os.path.join(HERE, "..", "..", "conf", "scale")


class Program:
    """A proxy or another third-party program, with its log."""

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
    """True if a program, or a module of one, is installed."""
    try:
        return subprocess.run(probe, check=False, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0
    except FileNotFoundError:
        return False
