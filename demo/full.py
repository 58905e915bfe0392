"""Phase 2 on a cache that is full: does the survivor have what is read?

The records are four times what fits. Readers want some far more often than others, and what
they miss they write; so the nodes evict all the time. The active one is killed, the readers
go on with the other one.
"""

import itertools
import random

WINDOW, BATCH = 20000, 200  # requests
FILLING, COUNTED = 7, 3  # windows; in the counted ones the ratio is steady
PROMISE = 0.98  # of the hit ratio before


class Crowd:
    """Readers: the record of rank n is wanted 1/n as often as the one of rank 1."""

    def __init__(self, packages):
        self.random = random.Random(1)
        self.packages = dict(packages)
        self.keys = list(self.packages)
        self.random.shuffle(self.keys)
        self.weights = list(itertools.accumulate(1 / (n + 1) for n in range(len(self.keys))))

    def read(self, client):
        """Reads a window; how many of its requests were hits."""
        hits = 0
        for _ in range(WINDOW // BATCH):
            wanted = self.random.choices(self.keys, cum_weights=self.weights, k=BATCH)
            found = client.get_many(set(wanted))
            missing = {key: (self.packages[key], 0) for key in wanted if key not in found}
            hits += sum(key in found for key in wanted)
            client.set_many(missing, noreply=False)
        return hits


def play(lab, packages, connect):
    """connect: gives a client of a node. True if the survivor is as warm as promised."""
    size = sum(len(record) for _, record in packages) >> 20
    memory = max(size // 4, 4)
    a, b = lab.pair("-m", str(memory), names=("full-a", "full-b"))
    crowd, client = Crowd(packages), connect(a)
    hits = [crowd.read(client) for _ in range(FILLING + COUNTED)][FILLING:]
    before = sum(hits) / (COUNTED * WINDOW)
    client.close()
    lab.drained(a)
    evictions = int(a.stat("evictions"))
    a.kill()
    client = connect(b)
    after = crowd.read(client) / WINDOW
    client.close()
    b.stop()
    print("  %d MiB through a pair of %d MiB a node: A had evicted %d items" % (
        size, memory, evictions))
    print("  hit ratio of A before it was killed %.1f%%, of B right after it %.1f%%: %.1f%% of that"
          % (100 * before, 100 * after, 100 * after / before))
    return after >= PROMISE * before
