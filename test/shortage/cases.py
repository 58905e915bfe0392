"""Chooses the calls that fail: every place that calls, in each kind of node, then any
place."""

import collections
import random

from ledger import KINDS, Order, Site

WHERE = ("active", "standby", "start", "return")
FOR_EVER = 1 << 40
NUMBERS = (1, 1, 2, 5, 50, FOR_EVER)


class Case(collections.namedtuple("Case", "where order")):
    def __str__(self):
        order = self.order
        text = "%s:%s:%d:%d" % (self.where, order.kind, order.first, order.number)
        return text + (":%s:%x" % order.site[1:] if order.site else "")

    @staticmethod
    def parse(text):
        where, kind, first, number, *site = text.split(":")
        at = Site(kind, site[0], int(site[1], 16)) if site else None
        return Case(where, Order(kind, int(first), int(number), at))


def few(sites):
    """A place of each kind, always the same ones."""
    return [Case(where, Order(kind, 1, 1, min(site for site in sites[where] if site.kind == kind)))
            for where in WHERE for kind in KINDS if any(site.kind == kind for site in sites[where])]


class Cases:
    """Endless. sites: {where: {site: (calls, failed)}}, which grows while the cases
    run."""

    def __init__(self, sites):
        self.sites, self.done = sites, set()

    def fresh(self):
        """A place that has not failed yet."""
        new = [Case(where, Order(site.kind, 1, 1, site)) for where in WHERE
               for site in self.sites[where] if (where, site) not in self.done]
        return random.choice(new) if new else None

    def any(self):
        where = random.choice(WHERE)
        calls = collections.Counter()
        for site, (count, _) in self.sites[where].items():
            calls[site.kind] += count
        kind = random.choice([kind for kind in KINDS if calls[kind]])
        return Case(where, Order(kind, random.randint(1, calls[kind]), random.choice(NUMBERS)))

    def __iter__(self):
        while True:
            case = self.fresh() or self.any()
            if case.order.site:
                self.done.add((case.where, case.order.site))
            yield case
