"""Tests the client's judgement: does on purpose each thing that the client must
notice."""

import signal
import time

from harness.wire import Connection

from world import World


class Bench:
    """One mcd, a client with its own address, and a second client that meddles."""

    def __init__(self, world):
        self.world, self.node = world, world.a
        self.node.mcd.start()
        self.client = world.client(keys=20, host=self.node.address)
        self.meddler = world.until(self.connect, "the node accepts connections")

    def connect(self):
        try:
            return self.world.network.enter("c", Connection, (self.node.address, 11211), 5.0)
        except OSError:
            return None

    def sees(self, kind, meddle):
        """Repeats the meddling with a key; the client must notice it within a second or
        so."""
        self.client.reset()
        def noticed():
            meddle(self.client.prefix + "7")
            return self.client.report().wrong(kind)
        self.world.until(noticed, "the client sees something " + kind, pause=0.001)


def case_wrong_values(build):
    """Values that are missing, stale, or were never written; and none of these without
    meddling."""
    with World(build) as world:
        bench = Bench(world)
        client, meddler = bench.client, bench.meddler
        first = meddler.item(client.prefix + "7")[2]
        bench.sees("missing", lambda key: meddler.ask("delete " + key))
        bench.sees("stale", lambda key: meddler.store(key, first))
        bench.sees("nowhere", lambda key: meddler.store(key, "rubbish"))
        bench.sees("nowhere", lambda key: meddler.store(key, key + " is write 999999999"))
        client.pause()
        world.until(lambda: meddler.store(client.prefix + "7", first) == "STORED", "an old value is back")
        meddler.ask("delete %s3" % client.prefix)
        read = client.read(bench.node.address)
        assert (read["lost"], read["old"], read["present"]) == (1, 1, 19), read
        meddler.store(client.prefix + "7", "rubbish")
        other = client.read(bench.node.address)
        assert other["nowhere"] == 1 and other["digest"] != read["digest"], other
        client.go()
        world.until(lambda: client.read(bench.node.address)["present"] == 20 or client.go(),
                    "all keys are stored again")
        client.reset()
        client.go()
        world.until(lambda: client.report().answer["reads"] > 100, "the client continues")
        seen = client.report()
        assert not any(seen.wrong(kind) for kind in ("missing", "stale", "nowhere")), seen.answer
        assert seen.failures == 0, seen.failures_text()


def case_gaps(build):
    """A stopped node: time-outs, a gap, writes in doubt. A killed node: refused,
    everything lost."""
    with World(build) as world:
        bench = Bench(world)
        client, mcd = bench.client, bench.node.mcd
        client.reset()
        stopped = time.monotonic()
        mcd.send(signal.SIGSTOP)
        world.until(lambda: client.report().answer["failures"]["kinds"]["timeout"] >= 4, "time-outs")
        mcd.send(signal.SIGCONT)
        world.until(lambda: client.is_served_since(stopped), "the client is served")
        seen = client.report()
        took = (time.monotonic() - stopped) * 1000
        assert 190 < seen.longest() < took and 190 < seen.longest("write_gap") < took, seen.answer
        assert seen.gaps()[-1][0] > stopped - 0.1
        mcd.kill()
        world.until(lambda: client.report().answer["failures"]["kinds"]["refused"] > 0, "refusals")
        client.pause()
        mcd.start()
        world.until(bench.connect, "the node is back").close()
        read = client.read(bench.node.address)
        assert read["present"] == 0 and read["lost"] + read["in_doubt"] == 20, read
        assert read["in_doubt"] <= seen.failures
