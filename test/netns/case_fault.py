"""Each timed fault, twice: there and back. The gaps are measured by ./dev failover; here
they are held against ten times their goals only, since the machine does other things."""

from fault import FAULTS
from partition import PARTITION
from world import World


def play(build, fault):
    with World(build, **fault.vrrp) as world:
        world.started()
        outcomes = [fault.measure(world) for _ in range(2)]
    for outcome in outcomes:
        assert outcome.judged < 10 * fault.goal[1] * build.slowness, str(outcome)
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
    return play(build, PARTITION)
