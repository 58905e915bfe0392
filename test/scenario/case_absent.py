"""A command that would have changed a key tells a client that the key is absent. This
stays true, whichever node serves next. But a node that may only be missing the key does
not know, so its answer must not cost any data."""

from itertools import cycle

from absence import GAT, ROWS, Column, ask, count_absent, report_columns
from case_failover import scaled
from case_full import VALUE, Part, at_rest, churn, memory
from case_split import cut, heal
from harness.content import Difference, lumps, read, values, write

PLACE = "two"

# ---- the pair


def uneven_pair(lab, small, large, **more):
    """One node has little memory; the other has room for everything that is stored
    here."""
    a, b = lab.add_pair(**more)
    lab.nodes[small].command += ["-m", "8"]
    lab.nodes[large].command += ["-m", "1024"]
    for node in (a, b):
        node.start()
    lab.linked(a, b)
    return a, b


def full_pair(lab, **more):
    """The first node is full; the second has room."""
    a, b = uneven_pair(lab, "a", "b", **more)
    write(a.client(), ["first%d" % index for index in range(6000)], b"f" * 2000)
    lab.drained(a)
    return a, b


def evict(lab, node, keys):
    """Makes a node evict the keys, which nobody reads: sets others and reads them once,
    until the keys are gone from both queues of the store. Returns the others. They are
    large, so that few buckets change, and go through several workers, because each
    processor fills its own segment."""
    clients, others = [node.connect() for _ in range(4)], []

    def gone():
        for _ in range(3500):
            others.append("%s-other%d" % (keys[0], len(others)))
        for lump, client in zip(lumps(others[-3500:]), cycle(clients)):
            write(client, lump, b"f" * 7000)
            read(client, lump)
        return not read(node.client(), keys)

    lab.until(gone, "%s has evicted all of %d keys" % (node.name, len(keys)), 20)
    for client in clients:
        client.close()
    return others


def expect_no_lies(a, b, keys):
    """Both nodes must hold the same of these keys."""
    difference = Difference(*(read(node.client(), keys) for node in (a, b)))
    assert not difference.unequal, difference


def met(lab, active, standby):
    """Lets the nodes meet again: then these are their roles, and the pair is in sync."""
    heal(lab, active, standby)
    lab.until(lambda: (active.stat("repl_role"), standby.stat("repl_role")) == ("active", "standby"),
              "%s is active, %s is not" % (active.name, standby.name))
    lab.drained(active)


def lead(node):
    """While the nodes are apart: gives the node a higher term than the other one."""
    for _ in range(2):
        node.ctl("demote")
        assert node.ctl("promote")[0] == 0


def case_table(lab):
    """The active node evicts over a live link and tells clients so; then it dies."""
    a, b = full_pair(lab)
    live = Column("live")
    write(a.client(), live.keys, b"5")
    lab.drained(a)
    others = evict(lab, a, live.keys)
    lab.drained(a)
    live.ask(a, b)
    lab.drained(a)
    live.judge(b)
    expect_no_lies(a, b, live.keys + others)
    a.kill()
    live.judge(b)
    return report_columns([live])


def evict_in_a_cut(lab, a, b, *columns):
    """Both nodes have the keys; then the active node alone evicts them. A second after the nodes have met
    again, they are made alike. Returns the keys that this took."""
    keys = [key for column in columns for key in column.keys]
    write(a.client(), keys, b"5")
    lab.drained(a)
    cut(lab, a, b)
    return keys + evict(lab, a, keys)


def case_table_of_what_went_in_a_cut(lab):
    """The active node evicts while the link is cut, so its peer has all keys when they
    meet again. Clients ask after the nodes have met; before; over a link that passes
    nothing on; and at a node that is the follower when they meet."""
    a, b = full_pair(lab, proxied=True, config="timeout=60000")
    columns = linked, apart, frozen, follower = [Column(name) for name in (
        "linked", "apart", "frozen", "follower")]
    keys = evict_in_a_cut(lab, a, b, apart, linked)
    apart.ask(a, b)
    met(lab, a, b)
    linked.ask(a, b)
    apart.judge(b)
    lab.drained(a)
    linked.judge(b)
    keys += evict_in_a_cut(lab, a, b, frozen)
    met(lab, a, b)
    for proxy in lab.proxies:
        proxy.freeze()
    frozen.ask(a, b)
    cut(lab, a, b)
    met(lab, a, b)
    frozen.judge(b)
    keys += evict_in_a_cut(lab, a, b, follower)
    follower.ask(a, b)
    lead(b)
    met(lab, b, a)
    expect_no_lies(a, b, keys)
    a.kill()
    for column in columns:
        column.judge(b)
    for column in columns:
        assert len(column.held_before) > len(ROWS) * 0.9, "%s: the peer had %d" % (
            column.name, len(column.held_before))
    return report_columns(columns)


def case_many(lab):
    """Equal memory, a full cache in use. Clients ask for thousands of the keys that were
    ever set, of which the active node has evicted some. They set some of these again,
    which must stay. Then the active node dies, and returns."""
    a, b = lab.pair(*memory(lab, 16))
    keys = churn(lab, a, VALUE)
    lab.drained(a)
    told = ask(a, keys[::20])
    absent = [key for key in told if told[key] is None]
    anew = absent[::7]
    write(a.client(), anew, b"anew")
    lab.drained(a)
    at_a = read(a.client(), keys)
    a.kill()
    at_b = read(b.client(), keys)
    served = [key for key in absent if key in at_b and at_b[key][2] != b"anew"]
    lost = [key for key in anew if key not in at_b]
    figures = "%d of %d told absent, %d of them served by the peer; %d of %d set anew are lost" % (
        len(absent), len(told), len(served), len(lost), len(anew))
    assert len(absent) >= scaled(lab, 2000), figures
    assert not served and not lost and not Difference(at_a, at_b).unequal, figures
    assert b.ctl("promote")[0] == 0
    a.start()
    return "%s; returned: %s" % (figures, at_rest(lab, b, a, Part(keys)))


# ---- a node that may only be missing the key


def stored(lab, node, count):
    """Stores counters at 100 among other items; returns the values of all. No two of
    these keys are in one bucket of a map with 20 bits: otherwise a change would affect
    neighbours that have not arrived yet."""
    items = {"item%d" % index: b"x" * 2000 for index in range(4000)}
    counters = {"counter%d" % index: b"100" for index in range(count)}
    write(node.client(), list(items)[::2], b"x" * 2000)
    write(node.client(), counters, b"100")
    write(node.client(), list(items)[1::2], b"x" * 2000)
    lab.drained(node)
    return {**items, **counters}, list(counters)


def begin_refill(lab, a, b):
    """The active node restarts empty while it has clients, and the link stops after the
    copy has begun."""
    cut(lab, a, b)
    a.kill()
    a.start()
    assert a.ctl("promote")[0] == 0
    for proxy in lab.proxies:
        proxy.quota = 1000000
        proxy.heal()
    lab.until(lambda: any(proxy.frozen for proxy in lab.proxies), "the link stops")
    assert a.stat("repl_role") == "active" and a.stat("repl_in_sync") == "0"


def end_refill(lab, a, b):
    for proxy in lab.proxies:
        proxy.quota = None
    met(lab, a, b)


def expect_everywhere(nodes, wanted):
    """Each node must hold these keys with these values; None: the key must be absent."""
    for node in nodes:
        held = {key: value.rstrip() for key, value in values(read(node.client(), wanted)).items()}
        wrong = [key for key in wanted if held.get(key) != wanted[key]]
        lost = [key for key in wrong if key not in held]
        assert not wrong, "%s: of %d keys %d are wrong, %d of them lost: %s is %.20r, not %.20r" % (
            node.name, len(wanted), len(wrong), len(lost), wrong[0], held.get(wrong[0]),
            wanted[wrong[0]])
    difference = Difference(*(read(node.client(), wanted) for node in nodes))
    assert not difference, difference
    return difference


def case_while_filled(lab):
    """Clients use counters that have not arrived yet at an active node that restarted
    empty: no counter is lost, whatever command they use."""
    a, b = lab.pair(proxied=True, config="timeout=60000")
    wanted, counters = stored(lab, a, 50)
    begin_refill(lab, a, b)
    told = ask(a, counters)
    end_refill(lab, a, b)
    wanted.update({key: b"100" if value is None else value for key, value in told.items()})
    figures = "%d of %d told absent" % (count_absent(told), len(told))
    assert count_absent(told) >= 25, figures
    return "%s; then %s" % (figures, expect_everywhere((a, b), wanted))


def case_while_filled_they_count_on(lab):
    """Clients count all the time while the copy runs: no counter restarts or is lost."""
    a, b = lab.pair(proxied=True)
    wanted, counters = stored(lab, a, 300)
    counts, absent = dict.fromkeys(counters, 100), []
    cut(lab, a, b)
    a.kill()
    a.start()
    assert a.ctl("promote")[0] == 0

    def count():
        for key in counters:
            answer = a.ask("incr %s 1" % key)[0]
            counts[key] += answer.isdigit()
            absent.extend([key] if answer == b"NOT_FOUND" else [])
        return a.stat("repl_link") == "streaming"  # in sync it is only when nobody counts

    assert not count()
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(count, "the copy is complete")
    met(lab, a, b)
    wanted.update({key: b"%d" % value for key, value in counts.items()})
    return "%d times told absent, counted %d times; then %s" % (
        len(absent), sum(counts.values()) - 100 * len(counts), expect_everywhere((a, b), wanted))


def case_while_filled_elsewhere(lab):
    """During a cut, the address moves to a node that restarted empty; then the nodes
    meet."""
    a, b = lab.pair(proxied=True)
    wanted, counters = stored(lab, a, 300)
    cut(lab, a, b)
    b.kill()
    b.start()
    lead(b)
    told = {**ask(b, counters, GAT), **ask(b, counters)}
    assert count_absent(told) == len(told)
    met(lab, b, a)
    return "%d told absent; then %s" % (len(told), expect_everywhere((a, b), wanted))


def case_delayed_flush_while_filled(lab):
    """A flush_all in ten minutes, sent to a node that is being filled, drops nothing
    now."""
    a, b = lab.pair(proxied=True, config="timeout=60000")
    wanted, _ = stored(lab, a, 50)
    begin_refill(lab, a, b)
    assert a.ask("flush_all 600") == [b"OK"]
    end_refill(lab, a, b)
    difference = expect_everywhere((a, b), wanted)
    assert a.ask("flush_all 1") == [b"OK"]
    for node in (a, b):
        lab.until(lambda node=node: not read(node.client(), wanted), "%s is flushed" % node.name)
    return str(difference)


# ---- both nodes have clients


def case_split_gat(lab):
    """In a split A's clients set keys that B's clients only ask for: the keys stay,
    whichever node leads afterwards."""
    a, b = lab.pair(proxied=True)
    wanted, _ = stored(lab, a, 0)
    for leader in (b, a):
        cut(lab, a, b)
        lead(leader)
        keys = ["%s%d" % (leader.name, index) for index in range(400)]
        write(a.client(), keys, b"100")
        told = {**ask(b, keys[:200], GAT), **ask(b, keys[200:])}
        assert count_absent(told) == len(told)
        met(lab, leader, b if leader is a else a)
        wanted.update(dict.fromkeys(keys, b"100"))
        difference = expect_everywhere((a, b), wanted)
    return str(difference)


def told_in_a_split(lab, leads):
    """In a split B evicts keys that A has, and tells clients so. Afterwards the keys that
    A's clients have not changed since are gone; changed keys stay; keys that nobody asked
    for stay as they were."""
    a, b = uneven_pair(lab, "b", "a", proxied=True)
    leader = lab.nodes[leads]
    asked, changed, unasked = (["%s%d" % (name, index) for index in range(100)]
                               for name in ("asked", "changed", "unasked"))
    write(a.client(), asked + changed + unasked, b"100")
    lab.drained(a)
    cut(lab, a, b)
    others = evict(lab, b, asked + changed + unasked)
    told = ask(b, asked + changed)
    assert count_absent(told) == len(told)
    write(a.client(), changed[:50], b"changed")
    lead(leader)
    met(lab, leader, b if leader is a else a)
    at_a, at_b = (values(read(node.client(), asked + changed + unasked)) for node in (a, b))
    old = [sum(held.get(key) == b"100" for key in asked + changed) for held in (at_a, at_b)]
    new = [sum(held.get(key) == b"changed" for key in changed[:50]) for held in (at_a, at_b)]
    kept = sum(key in at_a for key in unasked)
    figures = ("of 200 told absent %d and %d are served, of 50 changed %d and %d stand, "
               "of 100 unasked for %d are kept" % (*old, *new, kept))
    # If B's clients changed the bucket as well, A's key is a miss.
    assert old == [0, 0] and new[0] == new[1] >= 45 and kept >= 90, figures
    expect_no_lies(a, b, asked + changed + unasked + others)
    return figures


def case_split_told_by_the_leader(lab):
    return told_in_a_split(lab, "b")


def case_split_told_by_the_follower(lab):
    return told_in_a_split(lab, "a")
