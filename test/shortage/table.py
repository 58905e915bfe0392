"""The results, by kind."""

import os

from ledger import KINDS

COLUMNS = ("calls", "sites", "sites failed", "cases", "crashes", "silent differences", "said losses",
           "unsettled", "leaks", "no answer")


class Table:
    def __init__(self):
        self.failed = 0
        self.rows = {kind: dict.fromkeys(COLUMNS, 0) for kind in KINDS}

    def add(self, case, verdict, seconds, place):
        """place: the failing place in the sources, for people."""
        row = self.rows[case.order.kind]
        row["cases"] += 1
        row["crashes"] += bool(verdict.crashes)
        row["silent differences"] += bool(verdict.differences or verdict.unsaid)
        row["said losses"] += verdict.misses + verdict.lost - verdict.unsaid
        row["unsettled"] += bool(verdict.unsettled)
        row["leaks"] += bool(verdict.leaks)
        row["no answer"] += verdict.unanswered
        if not verdict.is_clean():
            self.failed += 1
            print("FAIL %s%s (%.1f s): %s" % (case, place, seconds, verdict), flush=True)

    def take_sites(self, sites):
        """sites: {where: {site: (calls, failed)}}"""
        for kind, row in self.rows.items():
            of_kind = [(site, counts) for rows in sites.values() for site, counts in rows.items()
                       if site.kind == kind]
            row["calls"] = sum(counts[0] for _, counts in of_kind)
            row["sites"] = len({site for site, _ in of_kind})
            row["sites failed"] = len({site for site, counts in of_kind if counts[1]})

    def total(self, column):
        return sum(row[column] for row in self.rows.values())

    def close(self, build, trouble):
        """Prints everything; returns the exit code."""
        self.print()
        if trouble:
            print("FAIL at the end: %s" % trouble)
        failed = self.failed + bool(trouble)
        print("shortage (%s): %d passed, %d failed, 0 skipped" % (
            os.path.basename(build.folder), self.total("cases") - self.failed, failed))
        return 1 if failed or not self.total("cases") else 0

    def print(self):
        lines = [("kind",) + COLUMNS]
        lines += [(kind,) + tuple(str(row[column]) for column in COLUMNS)
                  for kind, row in self.rows.items()]
        lines.append(("all",) + tuple(str(self.total(column)) for column in COLUMNS))
        for line in lines:
            print("%-14s" % line[0] + " | ".join(
                "%*s" % (len(column), cell) for column, cell in zip(COLUMNS, line[1:])))
