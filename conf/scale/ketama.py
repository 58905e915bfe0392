"""Four pairs behind libmemcached's ketama: what a client has to be told, and why.

    import ketama
    cache = ketama.Patient()
    cache.call("set", "key", "value")

libmemcached (and so pylibmc, php-memcached and others) knows each pair by its VIP only. That a
fail-over goes on behind it is none of its business, so everything by which it would help itself
is off.
"""

import time

import pylibmc

# The hash is over these addresses: never change, reorder or shorten the list because a pair is
# out of order. With port 11211 the port is not part of it.
PAIRS = ("10.0.0.101:11211", "10.0.0.102:11211", "10.0.0.103:11211", "10.0.0.104:11211")

BEHAVIORS = {
    # Consistent hashing: one pair more moves one key in five, not four in five. The weighted form
    # places pairs and keys (by md5) where nutcracker does with `hash: md5`; plain "ketama" does
    # not. "hash" has no effect beside it.
    "ketama_weighted": True,

    # A pair that does not answer keeps its keys. It is back in some 40 ms, with its data; other
    # pairs do not have it. Both would send its keys elsewhere, and back later to stale values.
    "auto_eject": False,
    "remove_failed": 0,

    # After an error libmemcached does not try the pair again for so many seconds: every call for
    # its keys fails at once. The default, 2, makes two seconds out of 40 ms. With 0 it tries again
    # in the next second of the clock, so up to 1 s later; Patient, below, does not wait so long.
    "retry_timeout": 0,
    "dead_timeout": 0,

    # ms. How long to wait for a connection and for an answer: the defaults (4000; 5000) let every
    # thread of the application hang on the one pair whose node has just lost power. Shorter than
    # the network's worst hiccup they would make errors out of nothing.
    "connect_timeout": 500,
    "_poll_timeout": 500,
    # us. The same for calls that block in the kernel.
    "send_timeout": 500000,
    "receive_timeout": 500000,

    # Small requests leave at once.
    "tcp_nodelay": True,
    # Connecting and sending never block: without it connect_timeout is not heeded.
    "no_block": True,
    # Finds a connection that died without a word while it was idle.
    "tcp_keepalive": True,
}


def client(pairs=PAIRS, **more):
    """One for each thread: pylibmc's clients are not shared between threads."""
    return pylibmc.Client(list(pairs), binary=False, behaviors={**BEHAVIORS, **more})


class Patient:
    """Tries again for two seconds on a new client, which remembers no failure: the caller sees a
    slow call instead of an error. Two, since the first try may wait for its time-out: where
    a machine is lost, nobody refuses it. A call whose answer got lost may be done twice: do
    not use it for incr, decr, append and prepend."""

    # ServerError: the node has the VIP and refuses writes, for it is not active yet.
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
                # A time-out has no class of its own, only the one that is the base of all.
                passes = isinstance(error, self.TRY_AGAIN) or type(error) is pylibmc.Error
                if not passes or time.monotonic() > deadline:
                    raise
                self.client = self.make()  # not clone(): that one places keys elsewhere
                time.sleep(0.02)
