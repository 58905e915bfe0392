"""A client is told that a key is not here, by a command that would have changed it. That stays
true, whichever node serves next; but a node that may only be missing the key does not know, and what it
says costs nobody anything."""

from itertools import cycle

from absence import GAT, ROWS, Column, ask, count_absent, report_columns
from case_failover import scaled
from case_full import VALUE, Part, at_rest, churn, memory
from case_split import cut, heal
from harness.content import Difference, lumps, read, values, write

PLACE = "two"

# ---- the pair


def uneven_pair(lab, small, large, **more):
    """One node has little memory; the other has room for all that is stored here."""
    a, b = lab.add_pair(**more)
    lab.nodes[small].command += ["-m", "8"]
    lab.nodes[large].command += ["-m", "1024"]
    for node in (a, b):
        node.start()
    lab.linked(a, b)
    return a, b


def full_pair(lab, **more):
    """The first node is full, the second has room."""
    a, b = uneven_pair(lab, "a", "b", **more)
    write(a.client(), ["first%d" % index for index in range(6000)], b"f" * 2000)
    lab.drained(a)
    return a, b


def evict(lab, node, keys):
    """Nobody reads the keys; others are set, and read once, until the keys are gone from either
    queue of the store. Gives the others. They are large, so that few buckets are changed, and come
    through several workers, for each processor fills a segment of its own."""
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
    """What both nodes hold of the keys is equal."""
    difference = Difference(*(read(node.client(), keys) for node in (a, b)))
    assert not difference.unequal, difference


def met(lab, active, standby):
    """Lets the nodes meet again: these are their roles then, and all is in sync."""
    heal(lab, active, standby)
    lab.until(lambda: (active.stat("repl_role"), standby.stat("repl_role")) == ("active", "standby"),
              "%s is active, %s is not" % (active.name, standby.name))
    lab.drained(active)


def lead(node):
    """While the nodes are apart: the node takes a term above the other's."""
    for _ in range(2):
        node.ctl("demote")
        assert node.ctl("promote")[0] == 0


def case_table(lab):
    """The active evicts under a live link, and is asked; then it dies."""
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


def case_table_of_what_went_in_a_cut(lab):
    """The active evicts while the peer cannot know: the peer has it all when they meet again. Asked
    when they have met; before; on a link that passes nothing on; and by a node that follows when
    they meet."""
    a, b = full_pair(lab, proxied=True, config="timeout=60000")
    columns = linked, apart, frozen, follower = [Column(name) for name in (
        "linked", "apart", "frozen", "follower")]
    keys = [key for column in columns for key in column.keys]
    write(a.client(), keys, b"5")
    lab.drained(a)
    cut(lab, a, b)
    others = evict(lab, a, keys)
    apart.ask(a, b)
    met(lab, a, b)
    apart.judge(b)
    linked.ask(a, b)
    lab.drained(a)
    linked.judge(b)
    for proxy in lab.proxies:
        proxy.freeze()
    frozen.ask(a, b)
    cut(lab, a, b)
    met(lab, a, b)
    frozen.judge(b)
    cut(lab, a, b)
    follower.ask(a, b)
    lead(b)
    met(lab, b, a)
    expect_no_lies(a, b, keys + others)
    a.kill()
    for column in columns:
        column.judge(b)
    for column in columns:
        assert len(column.held_before) > len(ROWS) * 0.9, "%s: the peer had %d" % (
            column.name, len(column.held_before))
    return report_columns(columns)


def case_many(lab):
    """Equal memory, a cache that is full and in use; of the keys that ever came thousands are asked
    for, some of which the active has evicted. Some of these are set anew, and stand. Then it dies,
    and returns."""
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
    """Counters at 100, among other items; all their values. No two of these keys are in one bucket
    of a map of 20 bits: a change would take the neighbours along that have not come yet."""
    items = {"item%d" % index: b"x" * 2000 for index in range(4000)}
    counters = {"counter%d" % index: b"100" for index in range(count)}
    write(node.client(), list(items)[::2], b"x" * 2000)
    write(node.client(), counters, b"100")
    write(node.client(), list(items)[1::2], b"x" * 2000)
    lab.drained(node)
    return {**items, **counters}, list(counters)


def begin_refill(lab, a, b):
    """The active node restarts empty under its clients, and the link stops when the copy has
    begun."""
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
    """Each node holds these keys, with these values, or not at all where it is None."""
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
    """Counters that have not come yet, at an active that restarted empty: whatever its clients ask
    for, nothing is lost."""
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
    """Clients that count all the time, while the copy runs: no counter starts again or is lost."""
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
        return a.stat("repl_in_sync") == "1"

    assert not count()
    for proxy in lab.proxies:
        proxy.heal()
    lab.until(count, "the copy is complete")
    met(lab, a, b)
    wanted.update({key: b"%d" % value for key, value in counts.items()})
    return "%d times told absent, counted %d times; then %s" % (
        len(absent), sum(counts.values()) - 100 * len(counts), expect_everywhere((a, b), wanted))


def case_while_filled_elsewhere(lab):
    """The address moves to a node that restarted empty, during a cut; then both meet."""
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
    """flush_all in ten minutes, asked of a node that is being filled, throws nothing away now."""
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
    """What A's clients set in a split, B's clients only ask for: it stands, whoever leads then."""
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
    """B evicts in a split what A has, and says so. What A's clients have not changed since is gone
    then; what they have changed stands; what nobody asked for is where it was."""
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
    # In a bucket that B's clients changed as well, what A has is a miss.
    assert old == [0, 0] and new[0] == new[1] >= 45 and kept >= 90, figures
    expect_no_lies(a, b, asked + changed + unasked + others)
    return figures


def case_split_told_by_the_leader(lab):
    return told_in_a_split(lab, "b")


def case_split_told_by_the_follower(lab):
    return told_in_a_split(lab, "a")
