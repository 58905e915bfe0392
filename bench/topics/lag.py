"""The lag: how long after the answer to a change a client of the standby still sees the former state
(bench/lag.c)."""

import os
import subprocess

from rivals import place, running
from table import Table
from topics.host import KEYS

RATES = {
    "1,000 sets a second": None,  # the samples are the load
    "50,000 sets a second": ("--rate", "50000"),
    "all that it takes": (),
}
SAMPLES = 1000


def play(setup):
    table = Table("Microseconds until the standby has a change; request: what a look at it takes", {
        "p50_us": "%.0f", "p90_us": "%.0f", "p99_us": "%.0f", "request_p50_us": "%.0f",
        "rate": "%.0f"}, "redis, replica")
    with running(setup, "mcd, standby", "redis, replica") as rivals:
        for _ in setup.rounds():
            for name, options in RATES.items():
                for rival in rivals:
                    table.add(name, rival.name, **beside(rival, options, setup))
    setup.plot(table.draw_bars, "lag", "p99_us", "us, of 100 changes 99 are not later", least=10)
    return [table]


def beside(rival, options, setup):
    if options is None:
        return sample(rival, setup)
    load = rival.start_load("--ratio", "1:0", "--pipeline", "32", "--keys", KEYS, "--size", setup.size,
                            "--seconds", "600", *options)
    try:
        figures = sample(rival, setup)
    finally:
        load.terminate()
        rate = rival.finish_load(load)["rate"]
    return dict(figures, rate=rate)


def sample(rival, setup):
    command = [os.path.join(rival.tools.folder, "bench", "lag"), "--dialect", rival.dialect,
               "--active", rival.nodes[0].port, "--standby", rival.nodes[1].port, "--count",
               int(SAMPLES * setup.seconds)]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, check=True,
                          preexec_fn=place)
    words = done.stdout.decode().split()
    return dict(zip(words[::2], map(float, words[1::2])))
