"""The server: what a request costs it, and how long one takes at a rate that all can serve."""

from rivals import running
from table import Table

LOADS = {
    "sets, one by one": ("--ratio", "1:0", "--pipeline", "1"),
    "gets, one by one": ("--ratio", "0:1", "--pipeline", "1"),
    "sets, 32 pipelined": ("--ratio", "1:0", "--pipeline", "32"),
    "gets, 32 pipelined": ("--ratio", "0:1", "--pipeline", "32"),
    "10 gets a set, 32 pipelined": ("--ratio", "1:10", "--pipeline", "32"),
}
STEADY = {
    "10 gets a set, one by one, 10,000 a second": ("--ratio", "1:10", "--rate", "10000", "--open"),
}
KEYS = 100000


def play(setup):
    costs = Table("Processor time of the server for a request, and requests a second", {
        "cpu_us": "%.2f", "rate": "%.0f"}, "memcached", undrawn=("yrmcds", "mcd, no standby"))
    times = Table("Microseconds that a request takes, from the moment at which it is due", {
        "p50_us": "%.0f", "p99_us": "%.0f", "p999_us": "%.0f"}, "memcached")
    common = ("--keys", KEYS, "--size", setup.size)
    with running(setup, "memcached", "mcd", "mcd, no standby", "mcd, standby", "yrmcds",
                 "redis") as rivals:
        for rival in rivals:
            rival.load("--fill", KEYS, "--size", setup.size, "--pipeline", "32")
        for table, loads in ((costs, LOADS), (times, STEADY)):
            for _ in setup.rounds():
                for name, options in loads.items():
                    for rival in rivals:
                        table.add(name, rival.name, **rival.measure(
                            *options, *common, "--seconds", setup.seconds))
    setup.plot(costs.draw_bars, "host", "cpu_us", "us of processor time a request")
    return [costs, times]
