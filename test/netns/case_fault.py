"""Each timed fault, twice: there and back. ./dev failover measures the gaps; these cases
only compare them with ten times their goals, since the machine also does other things."""

from fault import FAULTS
from partition import PARTITION, Partition
from world import World


REFRESH_MS = 1000  # vrrp_garp_master_refresh: how long a client that missed a claim may be wrong


def play(build, fault, more_ms=0):
    with World(build, **fault.vrrp) as world:
        world.started()
        outcomes = [fault.measure(world) for _ in range(2)]
    for outcome in outcomes:
        assert outcome.judged < (10 * fault.goal[1] + more_ms) * build.slowness, str(outcome)
    return " / ".join(str(outcome) for outcome in outcomes)


def case_kill(build):
    return play(build, FAULTS["kill"])


def case_stop(build):
    return play(build, FAULTS["stop"])


def case_cut(build):
    return play(build, FAULTS["cut"])


def case_cut_fast(build):
    return play(build, FAULTS["cut_fast"])


def case_handover(build):
    return play(build, FAULTS["handover"])


def case_term(build):
    return play(build, FAULTS["term"])


def case_killed(build):
    return play(build, FAULTS["killed"])


def case_partition(build):
    """On a slow machine the loser may claim the address once more just after the winner
    has."""
    return play(build, PARTITION, REFRESH_MS)


def case_partition_link_survives(build):
    """A partition shorter than the link's time-out: data that the old active node
    retransmits arrives before it hears that the other node leads now. (TCP retransmits
    after 0.2, 0.6 and 1.4 s, and the new active node's message, which was sent later,
    arrives later.)"""
    with World(build) as world:
        world.started()
        return str(Partition(1.25, guard_dies=True).measure(world))
