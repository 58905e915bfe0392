"""Timed faults: what happens to a healthy pair, and what its clients see of it.

A fault strikes the active node, and is cured when clients are served again. The pair must
then become healthy by itself, with the roles exchanged, ready for the next repeat.
"""

import math
import signal
import time

from harness.report import Failed


class Outcome:
    """The result of one repeat. Times in ms; settled: until everything was as required
    again, if that differs from the gap."""

    def __init__(self, gap, write_gap, healed_gap, lost=0, at_risk=0, stale=0, missing=0,
                 settled=None, text=""):
        self.gap, self.write_gap, self.healed_gap = gap, write_gap, healed_gap
        self.lost, self.at_risk, self.stale = lost, at_risk, stale
        self.missing, self.settled, self.text = missing, settled, text

    @property
    def judged(self):
        """The value that the goal applies to."""
        return self.write_gap if self.settled is None else self.settled

    def __str__(self):
        return "gap %.0f ms, of writes %.0f ms, at the return %.0f ms%s; lost %d (at risk %d), " \
            "stale %d, missing %d%s" % (
            self.gap, self.write_gap, self.healed_gap,
            "" if self.settled is None else ", settled %.0f ms" % self.settled,
            self.lost, self.at_risk, self.stale, self.missing, "; " + self.text if self.text else "")


class Fault:
    """goal: median and worst, ms."""

    def __init__(self, what, strike, cure, goal, keeps_all=False, vrrp=None, watch=None):
        self.what, self.strike, self.cure, self.goal = what, strike, cure, goal
        self.keeps_all = keeps_all  # even writes at risk must not be lost
        self.vrrp = vrrp or {}
        self.watch = watch  # ms until all is settled; then the address may be on either node

    def measure(self, world):
        active = world.healthy()
        with world.client() as client:
            serve(world, client, client.ready_at)
            client.reset()
            asked = time.monotonic()
            at_risk = active.figure("at_risk")
            struck = time.monotonic()
            moment = self.strike(world, active) or struck
            settled = self.watch(world, active) if self.watch else None
            serve(world, client, struck)
            seen = client.report()
            first = client.read(world.network.vip)
            client.go()
            cured = time.monotonic()
            self.cure(world, active)
            now_active = world.healthy()
            if not self.watch and now_active is active:
                raise Failed("the address came back to %s" % active.name)
            met = time.monotonic()
            serve(world, client, met)
            after = client.report()
            read = world.same(client)
        return judged(self, seen, after, (first, read), at_risk, moment - asked, cured, met, settled)


def judged(fault, seen, after, reads, at_risk, seconds, cured, met, settled):
    """Writes that were acknowledged between the query of repl_at_risk and the fault may
    be lost as well: one every 2 ms. All keys were read twice: when the other node served,
    and when all was well again; writes at risk may have been recovered in between."""
    allowed = 0 if fault.keeps_all else at_risk + math.ceil(seconds * 1000 / 2) + 1
    lost = max(read["lost"] + read["old"] for read in reads)
    read = reads[1]
    if lost > allowed:
        raise Failed("%d acknowledged writes lost, at risk were %d, allowed %d: %s"
                     % (lost, at_risk, allowed, [read["bad"][:5] for read in reads]))
    if read["nowhere"] or after.wrong("nowhere"):
        raise Failed("a value that nobody wrote: %s" % read["bad"][:5])
    late = after.wrong("stale", met)
    if late and lost == 0:
        raise Failed("%d stale reads after the nodes had met" % late)
    return Outcome(seen.longest(), seen.longest("write_gap"), after.longest_after(cured), lost,
                   at_risk, after.wrong("stale"), after.wrong("missing"), settled)


def serve(world, client, moment, seconds=15.0):
    """Waits until the client is served for a while after the moment."""
    try:
        world.until(lambda: client.is_served_since(moment), "the client is served", seconds)
    except Failed as error:
        raise Failed("%s (%s; %s)" % (error, client.report().failures_text(), "; ".join(
            node.describe() for node in world.nodes))) from None


def move(world, holder):
    """Moves the address to the other node, for a reason that the guard does not know. (A
    lower priority would not do it: with nopreempt the backup does not take over.)"""
    holder.write_extra(-254)
    try:
        world.until(lambda: world.holders() == [world.other(holder)], "the address has moved")
    finally:
        holder.write_extra(0)


# ---- the faults

def kill(_, active):
    return active.mcd.kill()


def restart_mcd(_, active):
    active.mcd.start()


def stop(_, active):
    active.mcd.send(signal.SIGSTOP)


def go_on(_, active):
    active.mcd.send(signal.SIGCONT)


def cut(world, active):
    world.network.cut(active.name)


def plug_in(world, active):
    world.network.plug_in(active.name)


def hand_over(_, active):
    code, text = active.ctl("handover", timeout_ms=10000)
    if code != 0:
        raise Failed("handover: %s" % text)


def nothing(_, __):
    pass


def end_keepalived(_, active):
    active.keepalived.stop()


def start_keepalived(_, active):
    active.keepalived.start()


def kill_keepalived(world, active):
    """Kills both of its processes: the address stays. Restarts it as systemd would."""
    before = active.keepalived.starts
    active.killed_at = active.keepalived.kill(restart=True)
    world.until(lambda: active.keepalived.starts > before and active.keepalived.process,
                "keepalived runs again", pause=0.005)
    return active.killed_at


def one_address(world, killed):
    """ms until one node has the address and keeps it for a second."""
    since, holders = time.monotonic(), None
    def is_settled():
        nonlocal since, holders
        now = world.holders()
        if now != holders:
            since, holders = time.monotonic(), now
        return len(holders) == 1 and time.monotonic() - since > 1
    world.until(is_settled, "one node has the address", pause=0.01)
    return (since - killed.killed_at) * 1000


FAULTS = {
    "kill": Fault("kill -9 of the active mcd", kill, restart_mcd, (55, 80)),
    "stop": Fault("SIGSTOP of the active mcd", stop, go_on, (160, 200)),
    "cut": Fault("link of the active cut, advert 0.1 s", cut, plug_in, (350, 350)),
    "cut_fast": Fault("link of the active cut, advert 0.05 s", cut, plug_in, (200, 200),
                      vrrp={"advert": 50}),
    "handover": Fault("planned handover", hand_over, nothing, (60, 60), keeps_all=True),
    "term": Fault("keepalived of the active: SIGTERM", end_keepalived, start_keepalived, (60, 60)),
    "killed": Fault("keepalived of the active: kill -9; one address", kill_keepalived, nothing,
                    (2000, 2000), watch=one_address),
}
