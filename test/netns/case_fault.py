"""Each timed fault, twice: there and back. The gaps are measured by ./dev failover; here
they are held against ten times their goals only, since the machine does other things."""

from fault import FAULTS
from partition import PARTITION, Partition
from world import World


REFRESH_MS = 1000  # vrrp_garp_master_refresh: so long a client that missed a claim may be wrong


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
    """The loser may claim the address once more just after the winner has, where it is slow."""
    return play(build, PARTITION, REFRESH_MS)


def case_partition_link_survives(build):
    """A partition shorter than the link's time-out: what the old active sends again arrives
    before it hears that the other one leads now. (TCP sends again after 0.2, 0.6 and 1.4 s,
    and what the new active says, which begins later, comes later.)"""
    with World(build) as world:
        world.started()
        return str(Partition(1.25, guard_dies=True).measure(world))
