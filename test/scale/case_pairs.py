"""Four pairs with keys spread over them; one pair fails over under load."""

import sys

from harness.report import Failed, Skip
from harness.wire import Connection
from load import Crowd, Judgement, TextClient, value_of
from pairs import pairs
from programs import CONF, have, nutcracker
from real_pairs import real_pairs

VICTIM = 2
sys.path.insert(0, CONF)


def key_count(lab):
    return 10000 if lab.build.sanitized else 100000


def keys_of(lab):
    return ["user:%d:profile" % number for number in range(key_count(lab))]


def pylibmc_client():
    if not have("/usr/bin/python3", "-c", "import pylibmc"):
        raise Skip("python3-pylibmc is not installed (./dev deps installs it)")
    import ketama
    return ketama.client()


class PatientClient:
    """The wrapper of the example, as used by the load."""

    def __init__(self):
        import ketama
        self.cache = ketama.Patient()

    def get(self, key):
        return self.cache.call("get", key)

    def set(self, key, value):
        return self.cache.call("set", key, value)


def fill_by_text(address, keys):
    """Sends pipelined sets through a proxy."""
    with Connection(address, 20.0) as connection:
        for first in range(0, len(keys), 500):
            left, rounds = keys[first:first + 500], 0
            while left:  # a busy machine may exceed the proxy's time-out
                connection.send(b"".join(b"set %s 0 0 %d\r\n%s\r\n" % (
                    key.encode(), len(value_of(key)), value_of(key).encode()) for key in left))
                answers = [connection.line() for _ in left]
                left = [key for key, answer in zip(left, answers) if answer != b"STORED"]
                rounds += 1
                if left and rounds > 5:
                    raise Failed("set %s: %s" % (left, answers[-1].decode()))


def where(world, keys):
    """The pair that holds each key, from the nodes themselves."""
    found = {}
    for pair in world:
        connection = pair.client()
        for first in range(0, len(keys), 100):
            lines = connection.ask("get " + " ".join(keys[first:first + 100]))
            for line in lines[:-1:2]:
                key = line.split()[1].decode()
                if key in found:
                    raise Failed("%s is on pair %d and on pair %d" % (key, found[key], pair.number))
                found[key] = pair.number
    return found


def shares(world, found):
    """How even the distribution is, as text; more than a tenth from even is a failure."""
    counts = [sum(1 for number in found.values() if number == pair.number) for pair in world]
    even = len(found) / len(world)
    text = "%d keys: " % len(found) + ", ".join(
        "%d (%+.1f%%)" % (count, (count / even - 1) * 100) for count in counts)
    if any(abs(count / even - 1) > 0.10 for count in counts):
        raise Failed("not within 10%% of even: %s" % text)
    return text


class Owner:
    """The pair that owns a key: as found before, or for new keys by asking the nodes
    afterwards."""

    def __init__(self, found):
        self.found = found

    def learn(self, world, keys):
        self.found.update(where(world, [key for key in keys if key not in self.found]))

    def __call__(self, key):
        return self.found.get(key)


def under_load(lab, owner, make_client, keys, act):
    """Load, an act in the middle of it, and more load until the pair's keys are served
    again."""
    own = {key for key in keys if owner(key) == VICTIM}
    with Crowd(make_client, keys) as crowd:
        lab.until(lambda: crowd.count() > 1500, "the load runs")
        start, back = act()
        lab.until(lambda: crowd.good_since(back, own), "the pair's keys are served again")
        more = crowd.count() + 1500
        lab.until(lambda: crowd.count() > more, "the load continues")
    return crowd, start, back


def judge(lab, world, owner, make_client, keys, crowd, start, back):
    stored = crowd.stored()
    owner.learn(world, list(stored))
    refused = [entry[2] for entry in crowd.all("errors")]
    by_ring(owner, make_client, refused, world)
    judgement = Judgement(crowd, owner, VICTIM, start, back)
    if judgement.early or judgement.after_ms > 1500 * lab.build.slowness:
        raise Failed("errors long before or after the fail-over: %s" % judgement)
    if judgement.foreign:
        raise Failed("keys of other pairs had errors: %s; %s" % (judgement.foreign[:3], judgement))
    if crowd.all("misses"):
        raise Failed("%d misses, first %s" % (len(crowd.all("misses")), crowd.all("misses")[0]))
    lost = [key for key, at in stored.items() if owner(key) is None]
    late = [key for key in lost if start - 0.5 <= stored[key] <= back]
    if len(late) != len(lost):
        raise Failed("%d acknowledged writes are lost that were shipped long before"
                     % (len(lost) - len(late)))
    after = where(world, keys)
    moved = [key for key in keys if after.get(key) != owner(key)]
    if moved:
        raise Failed("%d of %d keys are missing or elsewhere, first %s"
                     % (len(moved), len(keys), moved[0]))
    return "%s; hits after it %d of %d; %d writes of its last moment lost" % (
        judgement, len(after), len(keys), len(lost))


def by_ring(owner, make_client, keys, world):
    """Keys whose set failed are on no pair: stores them now, to learn their owners."""
    client = make_client()
    for key in keys:
        if owner(key) is None:
            client.set(key, value_of(key))
    owner.learn(world, keys)


def need():
    if not have("nutcracker", "-V"):
        raise Skip("nutcracker is not installed (./dev deps installs it)")
    pylibmc_client()


def play(lab, world, rounds):
    """Fills, finds the keys, and lets one pair fail over for each (client, act). Both
    kinds of client must agree on the place of each key."""
    keys = keys_of(lab)
    proxy = nutcracker(lab)
    clients = {"nutcracker": lambda: TextClient(proxy), "pylibmc ketama": pylibmc_client,
               "pylibmc ketama, patient": PatientClient}
    fill_by_text(proxy, keys)
    for pair in world:
        pair.drained()
    owner = Owner(where(world, keys))
    print("     " + shares(world, owner.found), flush=True)
    agree(keys)
    victim = world[VICTIM - 1]
    for name, act in rounds:
        make_client = clients[name]
        crowd, start, back = under_load(lab, owner, make_client, keys, getattr(victim, act))
        text = judge(lab, world, owner, make_client, keys, crowd, start, back)
        print("     %s, %s: %s" % (name, act, text), flush=True)
        if make_client is PatientClient and crowd.all("errors"):
            raise Failed("the patient client had errors: %s" % crowd.all("errors")[:2])
        victim.repair()
    return "all keys on their pair after %d fail-overs" % len(rounds)


def case_nutcracker_and_ketama(lab):
    """Only the keys of the failing pair are affected, and only while its VIP is away."""
    need()
    return play(lab, pairs(lab), (
        ("nutcracker", "fail_over"), ("nutcracker", "lose_power"), ("pylibmc ketama", "fail_over"),
        ("pylibmc ketama, patient", "fail_over"), ("pylibmc ketama, patient", "lose_power")))


def case_keepalived(lab):
    """The same with keepalived and the guard moving the VIP."""
    need()
    with real_pairs(lab) as world:
        return play(lab, world, (
            ("nutcracker", "fail_over"), ("nutcracker", "lose_power"),
            ("pylibmc ketama", "fail_over"), ("pylibmc ketama", "lose_power"),
            ("pylibmc ketama, patient", "fail_over"), ("pylibmc ketama, patient", "lose_power")))


def agree(keys):
    """libmemcached finds the keys that were stored through nutcracker."""
    client = pylibmc_client()
    found = 0
    for first in range(0, len(keys), 1000):
        found += len(client.get_multi(keys[first:first + 1000]))
    if found != len(keys):
        raise Failed("pylibmc finds %d of %d keys where nutcracker put them" % (found, len(keys)))
