"""Commands of the text protocol."""

from draw import NUMBERS, SERIAL, TIMES, TOKEN

END = b"\r\n"
FLAGS = [b"0", b"0", b"5", b"4294967295"]
DELTAS = [b"0", b"1", b"5", b"18446744073709551615"]


def noreply(d):
    return d.choice((b"",) * 6 + (b" noreply", b" noreply ", b" noreplyx"))


def store(d):
    word, value = d.choice((b"set", b"set", b"add", b"replace", b"append", b"prepend")), d.value()
    size = b"%d" % len(value) if d.chance(0.9) else d.choice(NUMBERS + [b"3", b"1048576", b"2000000"])
    return b" ".join((word, d.key(), d.number(FLAGS), d.number(TIMES), size)) + noreply(d) + END \
        + value + END


def cas(d):
    value, key = d.value(), d.key()
    token = TOKEN if d.chance(0.6) else d.choice(NUMBERS)
    return [b"gets %s\r\n" % key, b"cas %s %s %s %d %s%s\r\n%s\r\n" % (
        key, d.number(FLAGS), d.number(TIMES), len(value), token, noreply(d), value)]


def get(d):
    keys = b" ".join(d.key() for _ in range(d.choice((1, 1, 1, 2, 3, 10, 40))))
    return d.choice((b"get ", b"gets ")) + keys + END


def gat(d):
    keys = b" ".join(d.key() for _ in range(d.choice((1, 1, 2, 3))))
    return d.choice((b"gat ", b"gats ")) + d.number(TIMES) + b" " + keys + END


def touch(d):
    return b"touch %s %s%s\r\n" % (d.key(), d.number(TIMES), noreply(d))


def arithmetic(d):
    return b"%s %s %s%s\r\n" % (d.choice((b"incr", b"decr")), d.key(), d.number(DELTAS), noreply(d))


def delete(d):
    time = d.choice((b"",) * 5 + (b" 0", b" 1", b" 0 0"))
    return b"delete %s%s%s\r\n" % (d.key(), time, noreply(d))


def bare(d):
    """A word without what belongs to it, or with too much."""
    word = d.choice((b"get", b"gets", b"gat", b"set", b"add", b"cas", b"incr", b"touch", b"delete",
                     b"version", b"verbosity", b"quit", b"shutdown", b"bogus", b"", b"g", b" ",
                     b"verbosity 0", b"verbosity noreply", b"verbosity 1 2 3", b"stats bogus"))
    more = d.choice((b"", b"", b" ", b" " + SERIAL + b"a", b" 0", b" 0 0 0", b" a b c d e f g h i"))
    return word + more + END


def flush(d):
    """Alone in its batch (play.py): it is about everybody's keys."""
    when = d.choice((b"", b"", b" 0", b" 100000", b" -1", b" abc", b" 1x", b" 0 0"))
    return b"flush_all" + when + noreply(d) + END


COMMANDS = (store,) * 6 + (cas, cas, get, get, get, gat, touch, arithmetic, arithmetic, delete, bare)
LAST = b"mn\r\n"  # answered if the connection is still served
