"""What may happen to a pair: generators that begin it, yield while it lasts, and end it. A row says what
it takes, so that two that need the same are not drawn together."""

import threading
import time

from key import Flush
from operation import EARLY

FAULTS = {}


def fault(*takes):
    def file(function):
        FAULTS[function.__name__] = (function, frozenset(takes))
        return function
    return file


# ---- nodes

def quiet(world):
    """Clients stand still, and all that they were told is at the standby: nothing may be lost."""
    world.still()
    world.await_soon(world.is_in_sync, 3)
    age, since = world.judge.age, time.monotonic()
    if world.is_in_sync():
        world.judge.in_sync(since, age)


def quiet_by_its_own_word(world):
    """Clients stand still, and the active node says whether something would be lost."""
    world.still()
    age, since = world.judge.age, time.monotonic()
    risk = world.figures()[world.active].get("repl_at_risk")
    world.judge.note("%s says: %s at risk" % ("ab"[world.active], risk))
    if risk == "0":
        world.judge.in_sync(since, age)


def busy(_):
    """Clients go on."""


@fault("node")
def kill_active(world):
    """The other one takes over."""
    dead = world.active
    world.random.choice((busy, quiet, quiet_by_its_own_word))(world)
    world.kill(dead)
    world.fail_over(1 - dead)
    world.go()
    yield
    world.start(dead)


@fault("node")
def kill_active_comes_back(world):
    """So fast that clients do not go elsewhere."""
    world.kill(world.active)
    world.start(world.active)
    yield


@fault("node", "link")
def kill_active_after_broken_copy(world):
    """The standby was being filled when the link broke; clients had stopped writing before."""
    dead = world.active
    world.kill(1 - dead)
    world.still()
    world.slow(300)
    world.start(1 - dead)
    time.sleep(world.random.uniform(0, 1.5))
    world.cut()
    world.await_apart()
    quiet_by_its_own_word(world)
    world.kill(dead)
    world.fail_over(1 - dead)
    world.go()
    yield
    world.heal()
    world.start(dead)


@fault("node")
def kill_standby(world):
    dead = 1 - world.active
    world.kill(dead)
    yield
    world.start(dead)


@fault("node")
def stop_active(world):
    """It hangs, and clients wait for it."""
    node = world.active
    world.stop(node)
    yield
    world.go_on(node)


@fault("node")
def stop_active_and_leave(world):
    """It hangs, and the other one takes over."""
    node = world.active
    world.stop(node)
    world.fail_over(1 - node)
    yield
    world.go_on(node)


@fault("node")
def stop_standby(world):
    node = 1 - world.active
    world.stop(node)
    yield
    world.go_on(node)


# ---- the link

@fault("link")
def cut(world):
    world.cut()
    if world.random.random() < 0.7:
        world.await_apart()
    yield
    world.heal()


@fault("link")
def flap(world):
    """Reset again and again, and so are the sessions that come between."""
    for _ in range(world.random.randint(2, 8)):
        world.cut()
        time.sleep(world.random.uniform(0.005, 0.05))
        world.heal()
        time.sleep(world.random.uniform(0.02, 0.3))
    yield


@fault("link")
def freeze(world):
    """Nothing passes, and nobody is told."""
    world.judge.stalls("the link is frozen")
    for proxy in world.proxies:
        proxy.freeze()
    yield
    world.heal()


@fault("link")
def half_open(world):
    """One node hears nothing of the other, which hears all."""
    world.judge.stalls("the link is half open")
    deaf = world.random.randrange(2)
    for index, proxy in enumerate(world.proxies):
        proxy.mute("far" if index == deaf else "near")
    yield
    world.heal()


@fault("link")
def slow(world):
    world.slow(world.random.choice((100, 400, 2000)))
    time.sleep(world.random.choice((0, 0, 2, 4)))
    yield
    world.heal()


@fault("link", "node", "role")
def split(world):
    """Both nodes take writes and do not see each other."""
    world.cut()
    world.await_apart()
    world.tell(1 - world.active, "promote")
    world.judge.left(world.active)
    world.is_split = True
    yield
    world.is_split = False
    if world.random.random() < 0.5:
        world.fail_over(1 - world.active)
    world.heal()


# ---- orders

@fault("role")
def handover(world):
    node = world.active
    if world.tell(node, "handover").startswith("OK"):
        world.judge.in_sync(time.monotonic(), world.judge.age)  # it has all that was acknowledged
        world.judge.left(node)
        world.active = 1 - node
    yield


@fault("role")
def promote(world):
    """The address moves, and the old node lives."""
    world.fail_over(1 - world.active)
    yield


@fault("role")
def demote(world):
    node = world.active
    world.tell(node, "demote")
    world.fail_over(1 - node)
    yield


@fault("order")
def resync(world):
    world.judge.purges(world.active, "resync at %s" % "ab"[world.active])
    world.tell(world.active, "resync")
    yield
    world.judge.stalls("whatever the resync began")


@fault("order")
def verify(world):
    node = world.active
    world.judge.stalls("verify at %s" % "ab"[node])
    teller = threading.Thread(target=world.tell, args=(node, "verify", 10.0))
    teller.start()
    yield
    teller.join()


@fault("order")
def flush(world):
    world.still()
    node, begin = world.active, time.monotonic()
    is_done = world.ask(node, "flush_all") == "OK"
    world.judge.flushed(node, begin, time.monotonic(), is_done)
    world.go()
    yield


@fault("order", "node", "role", "link")
def flush_later(world):
    """Nothing else happens, so that it must take effect."""
    quiet(world)
    node, delay, begin = world.active, world.random.randint(1, 2), time.monotonic()
    is_done = world.ask(node, "flush_all %d" % delay) == "OK"
    order = Flush(begin + delay, time.monotonic() + delay)
    order.is_sure = is_done and world.await_soon(world.is_in_sync, 0.5)
    world.judge.flushes.append(order)
    world.judge.purges(node, "flush_all %d at %s" % (delay, "ab"[node]))
    world.go()
    yield
    time.sleep(max(order.late + EARLY - time.monotonic(), 0))
    world.judge.purges(node, "the flush_all has come")


@fault("order")
def burst(world):
    """More than a small journal holds."""
    process = world.load(world.random.choice((0.3, 1.0)))
    yield
    world.unload(process)
