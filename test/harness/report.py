"""Results of cases: printed as they come, counted at the end."""

import os
import sys
import threading
import time


class Skip(Exception):
    """A case that cannot run here; the text has the reason."""


class Failed(Exception):
    """A case that failed; the text says what happened."""


class Report:
    def __init__(self, suite):
        self.suite = suite
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()

    def add(self, outcome, name, seconds=0.0, text=""):
        with self.lock:
            setattr(self, outcome, getattr(self, outcome) + 1)
            word = {"passed": "ok  ", "failed": "FAIL", "skipped": "SKIP"}[outcome]
            line = "%s %s" % (word, name)
            line += " (%.1f s)" % seconds if outcome != "skipped" else ""
            print(line + (": " + text if text else ""), flush=True)

    def run(self, name, function, *args):
        """Runs one case and records its result. True unless it failed."""
        start = time.monotonic()
        try:
            text = function(*args)
        except Skip as reason:
            self.add("skipped", name, text=str(reason))
            return True
        except (Failed, AssertionError, OSError) as error:
            self.add("failed", name, time.monotonic() - start, str(error) or repr(error))
            return False
        except Exception as error:  # a bug in the test is a failure of the test
            where = error.__traceback__
            while where.tb_next:
                where = where.tb_next
            place = "%s:%d" % (os.path.basename(where.tb_frame.f_code.co_filename),
                               where.tb_lineno)
            self.add("failed", name, time.monotonic() - start,
                     "%s: %s: %s" % (place, type(error).__name__, error))
            return False
        self.add("passed", name, time.monotonic() - start, text or "")
        return True

    def close(self):
        """Prints the count; returns the exit code."""
        print("%s: %d passed, %d failed, %d skipped"
              % (self.suite, self.passed, self.failed, self.skipped))
        sys.stdout.flush()
        return 1 if self.failed or not self.passed + self.skipped else 0
