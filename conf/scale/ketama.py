"""Four pairs behind libmemcached's ketama: the settings a client needs, and why.

    import ketama
    cache = ketama.Patient()
    cache.call("set", "key", "value")

libmemcached (and so pylibmc, php-memcached and others) knows each pair only by its VIP. The pair
handles fail-overs itself, so everything that libmemcached would do about a failed server is
switched off.
"""

import time

import pylibmc

# The hash uses these addresses: never change, reorder or shorten the list because a pair is out of
# order. Port 11211 is not part of the hash.
PAIRS = ("10.0.0.101:11211", "10.0.0.102:11211", "10.0.0.103:11211", "10.0.0.104:11211")

BEHAVIORS = {
    # Consistent hashing: a fifth pair moves one key in five, not four in five. The weighted form
    # places pairs and keys (by md5) as nutcracker does with `hash: md5`; plain "ketama" does not.
    # The behavior "hash" has no effect with it.
    "ketama_weighted": True,

    # A pair that does not answer keeps its keys. It is back in about 40 ms, with its data; other
    # pairs do not have the data. Both settings would send its keys elsewhere, and later back to
    # stale values.
    "auto_eject": False,
    "remove_failed": 0,

    # After an error libmemcached does not try the pair again for this many seconds: every call for
    # its keys fails at once. The default, 2, turns 40 ms into two seconds. With 0 it tries again
    # in the next second of the clock, so up to 1 s later; Patient, below, does not wait that long.
    "retry_timeout": 0,
    "dead_timeout": 0,

    # ms. How long to wait for a connection and for an answer. With the defaults (4000; 5000) every
    # thread of the application would hang on the one pair whose node has just lost power. Values
    # below the worst delay of the network would cause needless errors.
    "connect_timeout": 500,
    "_poll_timeout": 500,
    # us. The same limits, for calls that block in the kernel.
    "send_timeout": 500000,
    "receive_timeout": 500000,

    # Send small requests at once.
    "tcp_nodelay": True,
    # Connecting and sending never block. Without this, connect_timeout has no effect.
    "no_block": True,
    # Detects a connection that died silently while it was idle.
    "tcp_keepalive": True,
}


def client(pairs=PAIRS, **more):
    """A client. Use one per thread: pylibmc's clients cannot be shared between threads."""
    return pylibmc.Client(list(pairs), binary=False, behaviors={**BEHAVIORS, **more})


class Patient:
    """Retries for two seconds with a new client, which remembers no failure: the caller sees a
    slow call instead of an error. Two seconds, because the first try may wait for its timeout: if
    a machine is lost, nobody refuses the connection. A call whose answer got lost may be done
    twice, so do not use this for incr, decr, append and prepend."""

    # ServerError: the node has the VIP but refuses writes, because it is not active yet.
    TRY_AGAIN = (pylibmc.ServerDown, pylibmc.ServerDead, pylibmc.ConnectionError,
                 pylibmc.HostLookupError, pylibmc.ServerError)

    def __init__(self, patience=2.0, **more):
        self.patience, self.make = patience, lambda: client(**more)
        self.client = self.make()

    def call(self, command, *values):
        deadline = time.monotonic() + self.patience
        while True:
            try:
                return getattr(self.client, command)(*values)
            except pylibmc.Error as error:
                # A timeout has no class of its own, only the base class of all errors.
                passes = isinstance(error, self.TRY_AGAIN) or type(error) is pylibmc.Error
                if not passes or time.monotonic() > deadline:
                    raise
                self.client = self.make()  # not clone(): a clone places keys elsewhere
                time.sleep(0.02)
