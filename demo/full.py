"""Phase 2 with a full cache: does the survivor have the items that readers need?

The records are four times as large as the memory. Readers get some of them far more often
than others, and write those that are missing, so the nodes evict all the time. The active
node is killed, and the readers continue with the other node.
"""

import itertools
import random

WINDOW, BATCH = 20000, 200  # requests
FILLING, COUNTED = 7, 3  # windows; the hit ratio is steady in the counted ones
PROMISE = 0.98  # of the hit ratio before the fail-over


class Crowd:
    """Readers: they get the record of rank n 1/n as often as the record of rank 1."""

    def __init__(self, packages):
        self.random = random.Random(1)
        self.packages = dict(packages)
        self.keys = list(self.packages)
        self.random.shuffle(self.keys)
        self.weights = list(itertools.accumulate(1 / (n + 1) for n in range(len(self.keys))))

    def read(self, client):
        """Reads a window; returns the number of hits."""
        hits = 0
        for _ in range(WINDOW // BATCH):
            wanted = self.random.choices(self.keys, cum_weights=self.weights, k=BATCH)
            found = client.get_many(set(wanted))
            missing = {key: (self.packages[key], 0) for key in wanted if key not in found}
            hits += sum(key in found for key in wanted)
            client.set_many(missing, noreply=False)
        return hits


def play(lab, packages, connect):
    """connect returns a client of a node. True if the survivor is as warm as promised."""
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
    print("  %d MiB through a pair with %d MiB per node: A evicted %d items" % (
        size, memory, evictions))
    print("  hit ratio of A before the kill %.1f%%, of B right after it %.1f%%: %.1f%% of A's"
          % (100 * before, 100 * after, 100 * after / before))
    return after >= PROMISE * before
