"""Under a service manager: what the journal and `systemctl status` are told."""

import os
import re
import socket

from harness.report import Failed

PLACE = "two"


class Manager:
    """Stands in for systemd: a socket for the state of a service, and a file that the
    service takes for the journal."""

    def __init__(self, node):
        path = os.path.join(node.lab.folder, node.name + ".notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.heard = []
        with open(node.log_path, "ab") as log:
            found = os.fstat(log.fileno())
        node.environment = dict(node.environment, NOTIFY_SOCKET=path,
                                JOURNAL_STREAM="%d:%d" % (found.st_dev, found.st_ino))

    def status(self):
        """What it says of itself now."""
        try:
            while True:
                self.heard.append(self.socket.recv(1000).decode())
        except BlockingIOError:
            pass
        return next((text for text in reversed(self.heard) if text.startswith("STATUS=")), "")


def case_status(lab):
    """`systemctl status` shows role, link and sync, and follows them."""
    a, b = lab.add_pair()
    manager = Manager(a)

    def says(pattern):
        try:
            lab.until(lambda: re.fullmatch("STATUS=" + pattern, manager.status()), pattern)
        except Failed as error:
            raise Failed("%s; it said %s" % (error, manager.heard)) from None
    a.start()
    says(r"standby, no link to 127\.0\.0\.1")
    b.start()
    says(r"standby, linked to 127\.0\.0\.1:\d+ \(streaming\), in sync")
    a.ask("set k 0 0 1\r\nx")
    says(r"active, linked to 127\.0\.0\.1:\d+ \(streaming\), in sync")
    b.kill()
    says(r"active, no link to 127\.0\.0\.1")
    a.stop()
    assert "READY=1" in manager.heard, manager.heard
    manager.status()
    assert manager.heard[-1] == "STOPPING=1", manager.heard


def case_priorities(lab):
    """A line has a priority and no time of its own; a warning is one, a link is none."""
    a, b = lab.add_pair()
    Manager(a)
    a.start()
    lab.until(lambda: "cannot reach the peer" in a.log(), "it tells that there is no peer")
    b.start()
    lab.linked(a, b)
    a.ask("set k 0 0 1\r\nx")
    lab.until(lambda: "active now" in a.log(), "it tells of its role")
    a.stop()
    assert "<6>replication: link to" in a.log(), "an ordered end is a warning: " + a.log()
    lines = a.log().splitlines()
    for line in lines:
        assert re.match(r"<[3467]>[^\d<]", line), "no priority, or a time: %r" % line
    for words, priority in (("cannot reach the peer", 4), ("linked to the peer", 6),
                            ("active now, term", 6), ("listening on", 6)):
        found = [line for line in lines if words in line]
        assert found and all(line.startswith("<%d>" % priority) for line in found), (words, found)
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:]+Z INFO ", b.log()), b.log()[:100]


def case_it_does_not_start(lab):
    """The reason is an error in the journal, and names what to set."""
    a, _ = lab.add_pair()
    Manager(a)
    a.command = [re.sub(r"peer=[^;]*", "peer=", word) for word in a.command]
    a.launch()
    process, a.process = a.process, None
    assert process.wait(20 * lab.build.slowness) == 78
    assert re.search(r"^<3>.*option 'peer' is empty.*PEER in /etc/default/mcd", a.log(), re.M), a.log()
