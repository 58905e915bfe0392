"""The guard beside a node, with the test in keepalived's place; vrrp=False: without any.
manager: the socket of a service manager."""

import os
import signal
import subprocess

from harness import track
from harness.report import Failed


class Guard:
    def __init__(self, lab, node, *options, vrrp=True, manager=None):
        self.lab, self.folder = lab, os.path.join(lab.folder, "guard-" + node.name)
        os.makedirs(self.folder, exist_ok=True)
        self.fifo, self.log_path = os.path.join(self.folder, "fifo"), os.path.join(self.folder, "log")
        command = [lab.build.mcreplctl, "-s", node.socket, "-t", str(int(200 * lab.build.slowness)),
                   "guard", "--dir", self.folder, "--fifo", self.fifo if vrrp else ""]
        environment = dict(lab.environment, **{"NOTIFY_SOCKET": manager} if manager else {})
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command + list(options), stderr=log, env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(10 * self.lab.build.slowness)
        assert code == 0, "the guard ended with %d: %s" % (code, self.log())

    def number(self, name):
        return track.number(os.path.join(self.folder, name))

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def says(self, health):
        try:
            self.lab.until(lambda: self.number("health") == health, "health becomes %d" % health)
        except Failed as error:
            raise Failed("%s: %s" % (error, self.log())) from None

    def tell(self, *states):
        with open(self.fifo, "w", encoding="ascii") as fifo:
            for state in states:
                fifo.write('INSTANCE "mcd" %s 200\n' % state)
