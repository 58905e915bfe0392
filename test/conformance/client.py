"""The commands that applications use, through a Python client library.

    client.py pymemcache|pymemcache-tls|memcache|pylibmc-text|pylibmc-binary|django-BACKEND HOST PORT [repeat]

Each library gets a small adapter, so that all of them go through the same steps. With TLS a client
trusts the authority in the file MCD_AUTHORITY. repeat: see repeat.py.
"""

import importlib
import os
import select
import ssl
import sys


class Pymemcache:
    def __init__(self, host, port, **more):
        self.client = importlib.import_module("pymemcache").Client((host, port), timeout=10, **more)

    def set(self, key, value, exp=0):
        return self.client.set(key, value, expire=exp, noreply=False)

    def add(self, key, value):
        return self.client.add(key, value, noreply=False)

    def get(self, key):
        return self.client.get(key)

    def get_many(self, keys):
        return self.client.get_many(keys)

    def gets(self, key):
        return self.client.gets(key)

    def cas(self, key, value, token):
        return bool(self.client.cas(key, value, token, noreply=False))

    def incr(self, key, by):
        return self.client.incr(key, by, noreply=False)

    def decr(self, key, by):
        return self.client.decr(key, by, noreply=False)

    def append(self, key, value):
        return self.client.append(key, value, noreply=False)

    def delete(self, key):
        return self.client.delete(key, noreply=False)

    def touch(self, key, exp):
        return self.client.touch(key, exp, noreply=False)

    def version(self):
        return self.client.version()

    def flush(self):
        return self.client.flush_all(noreply=False)


class PymemcacheTls(Pymemcache):
    """The certificate is for localhost."""

    def __init__(self, _, port):
        trusted = ssl.create_default_context(cafile=os.environ["MCD_AUTHORITY"])
        super().__init__("localhost", port, tls_context=trusted)


class Memcache:
    def __init__(self, host, port):
        self.client = importlib.import_module("memcache").Client(
            ["%s:%d" % (host, port)], socket_timeout=10, cache_cas=True, dead_retry=0)

    def __getattr__(self, name):
        return getattr(self.client, name)

    def set(self, key, value, exp=0):
        return bool(self.client.set(key, value, time=exp))

    def add(self, key, value):
        return bool(self.client.add(key, value))

    def get_many(self, keys):
        return self.client.get_multi(keys)

    def gets(self, key):
        value = self.client.gets(key)
        return value, self.client.cas_ids.get(key)

    def cas(self, key, value, token):
        self.client.cas_ids[key] = token
        return bool(self.client.cas(key, value))

    def append(self, key, value):
        return bool(self.client.append(key, value))

    def delete(self, key):
        return self.client.get(key) is not None and bool(self.client.delete(key))

    def touch(self, key, exp):
        return bool(self.client.touch(key, exp))

    def version(self):
        return self.client.get_stats()[0][1]["version"]

    def flush(self):
        self.client.flush_all()


class Pylibmc:
    def __init__(self, host, port, binary):
        self.library = importlib.import_module("pylibmc")
        self.client = self.library.Client(["%s:%d" % (host, port)], binary=binary,
                                          behaviors={"cas": True, "tcp_nodelay": True,
                                                     "retry_timeout": 1, "dead_timeout": 1})

    def set(self, key, value, exp=0):
        return self.client.set(key, value, time=exp)

    def add(self, key, value):
        return self.client.add(key, value)

    def get(self, key):
        return self.client.get(key)

    def get_many(self, keys):
        return self.client.get_multi(keys)

    def gets(self, key):
        return self.client.gets(key)

    def cas(self, key, value, token):
        return self.client.cas(key, value, token)

    def incr(self, key, by):
        return self.client.incr(key, by)

    def decr(self, key, by):
        return self.client.decr(key, by)

    def append(self, key, value):
        return self.client.append(key, value)

    def delete(self, key):
        return self.client.delete(key)

    def touch(self, key, exp):
        return self.client.touch(key, exp)

    def version(self):
        return self.client.get_stats()[0][1]["version"]

    def flush(self):
        return self.client.flush_all()


class Django:
    """Django's cache, with the backend PyMemcacheCache or PyLibMCCache, which by default leave a
    failed server alone for seconds."""

    OPTIONS = {"PyMemcacheCache": {"retry_timeout": 0, "dead_timeout": 0, "retry_attempts": 1000000},
               "PyLibMCCache": {"behaviors": {"retry_timeout": 1, "dead_timeout": 1}}}

    def __init__(self, host, port, backend):
        importlib.import_module("django.conf").settings.configure(CACHES={"default": {
            "BACKEND": "django.core.cache.backends.memcached." + backend,
            "LOCATION": "%s:%d" % (host, port), "OPTIONS": self.OPTIONS[backend]}})
        self.client = importlib.import_module("django.core.cache").cache

    def __getattr__(self, name):
        return getattr(self.client, name)

    def set(self, key, value, exp=None):
        self.client.set(key, value, timeout=exp)  # it answers nothing
        return self.client.get(key) == value

    def append(self, key, value):
        return self.set(key, self.client.get(key) + value)  # it has none

    def flush(self):
        self.client.clear()


FAILURES = []


def check(what, got, wanted):
    if got == wanted:
        print("ok %s" % what)
    else:
        print("FAIL %s: %r instead of %r" % (what, got, wanted))
        FAILURES.append(what)


def text(value):
    """Some libraries return bytes, others text."""
    return value.decode() if isinstance(value, bytes) else value


def stores(client):
    check("set", client.set("k", "value"), True)
    check("get", text(client.get("k")), "value")
    check("get of an absent key", client.get("none"), None)
    check("add of an existing key", bool(client.add("k", "x")), False)
    check("add of an absent key", bool(client.add("fresh", "new")), True)
    check("append", bool(client.append("k", "+more")), True)
    check("get after append", text(client.get("k")), "value+more")
    large = "0123456789" * 50000
    check("set of 500,000 bytes", client.set("large", large), True)
    check("get of 500,000 bytes", text(client.get("large")) == large, True)
    for number in range(100):
        client.set("many%d" % number, str(number))
    found = client.get_many(["many%d" % number for number in range(100)] + ["none"])
    check("get of many", sorted(int(value) for value in found.values()), list(range(100)))


def tokens(client):
    client.set("c", "one")
    value, token = client.gets("c")
    check("gets", text(value), "one")
    check("cas with the token", client.cas("c", "two", token), True)
    check("get after cas", text(client.get("c")), "two")
    check("cas with a spent token", bool(client.cas("c", "three", token)), False)
    check("get after a refused cas", text(client.get("c")), "two")


def counters(client):
    client.set("n", "10")
    check("incr", client.incr("n", 5), 15)
    check("decr", client.decr("n", 1), 14)
    check("decr below zero", client.decr("n", 100), 0)


def ends(client):
    client.set("d", "x")
    check("delete", bool(client.delete("d")), True)
    check("get after delete", client.get("d"), None)
    check("delete of an absent key", bool(client.delete("d")), False)
    client.set("t", "x")
    check("touch", bool(client.touch("t", 1000)), True)
    check("get after touch", text(client.get("t")), "x")
    check("touch of an absent key", bool(client.touch("none", 1000)), False)
    if hasattr(client, "version") and callable(client.version):
        numbers = tuple(int(word) for word in text(client.version()).split("."))
        check("version is 1.6 or later", numbers >= (1, 6, 0), True)
    client.flush()
    check("get after flush", client.get("k"), None)


def attempt(client, number):
    if not client.set("count", str(number)):
        return "error: set fails"
    found = text(client.get("count")), text(client.get("before"))
    return "ok %d" % number if found == (str(number), "kept") else "error %s" % (found,)


def repeat(client):
    number, prepared = 0, False
    while not select.select([sys.stdin], [], [], 0.002)[0]:
        try:
            prepared = prepared or client.set("before", "kept")
            print(attempt(client, number), flush=True)
            number += 1
        except Exception as error:  # each library has its own
            print("error %s" % error, flush=True)


def main():
    name, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if name.startswith("django"):
        client = Django(host, port, name.split("-")[1])
    elif name.startswith("pylibmc"):
        client = Pylibmc(host, port, name.endswith("binary"))
    else:
        client = {"pymemcache": Pymemcache, "pymemcache-tls": PymemcacheTls,
                  "memcache": Memcache}[name](host, port)
    if sys.argv[4:] == ["repeat"]:
        repeat(client)
        return 0
    for steps in (stores, tokens, counters, ends):
        if steps is not tokens or hasattr(client, "gets"):
            steps(client)
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
