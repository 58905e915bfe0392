"""Meta commands. A flag is a row of FLAGS: its letter, and what may follow it; FLAGS_OF says
which commands draw it. `l` is left out: memcached counts only some of the reads."""

import re

from draw import NUMBERS, SERIAL, TIMES, TOKEN

END = b"\r\n"


def bare(d):
    return b""


def number(*usual):
    return lambda d: d.number(usual)


# With I a CAS is compared with the item's, which differs between servers: those that lie below or
# above all that a server gives.
CAS_NUMBERS = [number for number in NUMBERS
               if not re.fullmatch(rb"[+]?\d{2,15}", number)]


def token(d):
    return TOKEN if d.chance(0.5) else d.choice(CAS_NUMBERS)


def opaque(d):
    return d.choice((b"1", b"abc", b"o" * 32, b"o" * 33, b""))


FLAGS = {
    "b": bare, "c": bare, "f": bare, "h": bare, "I": bare, "k": bare, "q": bare, "s": bare, "t": bare, "v": bare, "u": bare,
    "O": opaque, "T": lambda d: d.number(TIMES), "C": token, "F": number(b"0", b"5", b"4294967295"),
    "M": lambda d: d.choice((b"", b"S", b"E", b"A", b"P", b"R", b"I", b"D", b"+", b"-", b"s", b"incr", b"?")),
    "N": lambda d: d.number(TIMES), "J": number(b"0", b"13"), "D": number(b"1", b"5", b"0"),
    "R": lambda d: d.number(TIMES),
}
FLAGS_OF = {
    "mg": "bcfhkqstvOTNR", "ms": "bckqFTCMOI", "md": "bkqCOIT", "ma": "bckqtvCMNJDOT",
}
ODD = "bcfhkqstvuOTCFMNJDRI"  # also where they do not belong


def flags(d, command):
    letters = d.sample(FLAGS_OF[command], d.choice((0, 1, 1, 2, 2, 3, 5)))
    if d.chance(0.06):
        letters.append(d.choice(ODD))
    return b"".join(b" " + letter.encode() + FLAGS[letter](d) for letter in letters)


def key(d, drawn):
    """A key; a serial of digits is base64 as it is."""
    if b" b" in drawn and d.chance(0.9):
        return SERIAL + d.choice((b"a", b"a", b"b", b"aAA==", b"aAAA=", b"aA"))
    return d.key()


def lookup(d):
    drawn = flags(d, "mg")
    return b"mg " + key(d, drawn) + drawn + END


def store(d):
    drawn, value = flags(d, "ms"), d.value()
    size = b"%d" % len(value) if d.chance(0.92) else d.choice(NUMBERS)
    return b"ms " + key(d, drawn) + b" " + size + drawn + END + value + END


def delete(d):
    drawn = flags(d, "md")
    return b"md " + key(d, drawn) + drawn + END


def arithmetic(d):
    drawn = flags(d, "ma")
    return b"ma " + key(d, drawn) + drawn + END


def conditional(d):
    """A CAS that was read just before."""
    return [b"mg %s c\r\n" % d.key(), d.choice((store, delete, arithmetic))(d)]


def odd(d):
    word = d.choice((b"mg", b"ms", b"md", b"ma", b"mn", b"mx", b"m"))
    return word + d.choice((b"", b" ", b" x y", b" " + d.key() + b" v v", b" " + d.key() + b" S100")) + END


COMMANDS = (lookup,) * 4 + (store,) * 3 + (delete, arithmetic, arithmetic, conditional, odd)
LAST = b"mn\r\n"
