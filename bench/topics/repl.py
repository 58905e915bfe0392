"""The price of a standby: what a change costs the active node more, and the standby at all."""

from rivals import running
from table import Table
from topics.host import KEYS, LOADS

PAIRS = {"mcd": ("mcd, no standby", "mcd, standby"), "redis": ("redis", "redis, replica")}
ALONE, ATTACHED = "alone", "with a standby"


def play(setup):
    table = Table("Processor time for a change, with and without a standby", {
        "cpu_us": "%.2f", "standby_us": "%.2f", "rate": "%.0f"}, ALONE)
    with running(setup, *[name for pair in PAIRS.values() for name in pair]) as rivals:
        for rival in rivals:
            rival.load("--fill", KEYS, "--size", setup.size, "--pipeline", "32")
        for _ in setup.rounds():
            for name in ("sets, one by one", "sets, 32 pipelined"):
                for rival in rivals:
                    table.add("%s, %s" % (name, family(rival)), place(rival), **rival.measure(
                        *LOADS[name], "--keys", KEYS, "--size", setup.size, "--seconds",
                        setup.seconds))
    setup.plot(table.draw_bars, "repl", "cpu_us", "us of the active node's processor time a change")
    return [table]


def family(rival):
    words = rival.name.split(", ")
    return words[0] + (", before" if "before" in words else "")


def place(rival):
    return ATTACHED if len(rival.nodes) > 1 else ALONE
