"""The test's side of the client program, and of its reports."""

import json
import select
import signal
import subprocess
import time

from harness.report import Failed

import service


class Witness:
    """Does one operation a millisecond through the address, from one place.

    Every second operation is a write, key after key. There are so many keys that no write
    around a fault is overwritten before the end, when all keys are read. host: by default
    the address that moves. half: clients of different halves have no keys in one bucket."""

    numbers = 0

    def __init__(self, world, place="c", keys=4000, host=None, timeout_ms=50, wait=True,
                 half=None):
        Witness.numbers += 1
        self.world, self.place = world, place
        self.prefix = "%s%d-" % (place, Witness.numbers)
        self.process = subprocess.Popen(
            world.network.inside(place, world.client_program, host or world.network.vip, "11211",
                                 "--prefix", self.prefix, "--keys", str(keys), "--timeout",
                                 str(timeout_ms),
                                 *(() if half is None else ("--half", str(half)))),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.is_ready = False
        if wait:
            self.wait_ready()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.process.poll() is None:
            service.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def answer(self, seconds=60.0):
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            raise Failed("the client in %s gave no answer" % self.place)
        answer = json.loads(line)
        if "error" in answer:
            raise Failed("the client in %s: %s" % (self.place, answer))
        return answer

    def wait_ready(self):
        if not self.is_ready:
            self.ready_at = self.answer()["now"] / 1e3
            self.is_ready = True
        return self

    def tell(self, command):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def report(self):
        return Seen(self.tell("report"))

    def reset(self):
        self.tell("reset")

    def pause(self):
        self.tell("pause")

    def go(self):
        self.tell("go")

    def read(self, host):
        """Reads every key from this host."""
        return self.tell("read %s 11211" % host)

    def end(self):
        self.process.stdin.close()
        answer = self.answer()
        self.process.wait(10)
        return Seen(answer["report"]), answer["read"]

    def is_served_since(self, moment, for_seconds=0.25):
        """True if reads and writes have succeeded for so long after that moment."""
        seen = self.report()
        start = max([moment, seen.last_failure] + [end for _, end in seen.gaps("write_gap")])
        return (seen.last_success("write_gap") > moment
                and time.monotonic() - seen.last_success("write_gap") < 0.1
                and time.monotonic() - start > for_seconds)


class Seen:
    """A report. Moments are seconds of time.monotonic()."""

    def __init__(self, answer):
        self.answer = answer

    def longest(self, kind="gap"):
        """The longest gap, in ms."""
        return self.answer[kind]["longest"]

    def gaps(self, kind="gap"):
        """The gaps of 20 ms and more, as (from, to)."""
        return [(gap["at"] / 1e3, (gap["at"] + gap["ms"]) / 1e3) for gap in self.answer[kind]["gaps"]]

    def last_success(self, kind="gap"):
        return self.answer[kind]["last_success"] / 1e3

    def longest_after(self, moment, kind="gap"):
        """The longest gap that ends after the moment, in ms."""
        return max([(end - start) * 1e3 for start, end in self.gaps(kind) if end > moment] + [0])

    @property
    def last_failure(self):
        return self.answer["failures"]["last"] / 1e3

    @property
    def failures(self):
        return sum(self.answer["failures"]["kinds"].values())

    def failures_text(self):
        parts = ["%d %s" % (count, kind) for kind, count in self.answer["failures"]["kinds"].items()
                 if count]
        parts += ["%d times %r" % (said["count"], said["text"])
                  for said in self.answer["failures"]["said"]]
        return ", ".join(parts) or "none"

    def wrong(self, kind, since=0.0):
        """How many reads were stale, missing or nowhere after a moment."""
        notes = self.answer[kind]
        early = sum(1 for one in notes["first"] if one["at"] / 1e3 < since)
        return notes["count"] - early
