"""The random choices that the protocols share, and what a case is.

A key holds SERIAL, which the player replaces by the number of the play: plays share no
keys, so each can be repeated alone. A command may hold a token, which the player replaces
by the CAS that it has read last: TOKEN as text, TOKEN_BINARY as eight bytes.
"""

import random
import re

SERIAL = b"@@@@@@@"
TOKEN, TOKEN_BINARY = b"{cas}", b"{castok}"

NUMBERS = [b"0", b"1", b"-1", b"00", b"007", b"+1", b"1.5", b"abc", b"1x", b"x1", b"0x10", b"-0",
           b"255", b"65536", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
           b"-2147483649", b"9223372036854775807", b"9223372036854775808",
           b"-9223372036854775808", b"18446744073709551615", b"18446744073709551616",
           b"99999999999999999999999", b"\xc2\xb2"]
# No expiry that comes within a run.
TIMES = [b"0", b"0", b"0", b"-1", b"1000", b"100000", b"2592000"]
VALUES = [b"", b"x", b"5", b"10", b"0", b"18446744073709551615", b"18446744073709551616",
          b"99", b"-1", b"12 ", b" 12", b"12a", b"12345678901234567890123", b"hello world",
          b"a\r\nb", b"\0\1\2", b"v" * 100, b"1" * 25, b"\x80\xff"]


class Draw(random.Random):
    """One case's source of choices."""

    def chance(self, share):
        return self.random() < share

    def key(self):
        if self.chance(0.93):
            return SERIAL + self.choice((b"a", b"b"))
        return self.choice((SERIAL + b"k" * 243, SERIAL + b"k" * 244, SERIAL + b"k" * 300,
                            SERIAL + b"\xc3\xbc", SERIAL + b"\t1", SERIAL + b"\0", SERIAL + b"\x7f"))

    def value(self):
        return self.choice(VALUES)

    def number(self, usual):
        """Mostly a usual one."""
        return self.choice(NUMBERS) if self.chance(0.12) else self.choice(usual)


class Case:
    """The commands of one connection, pipelined."""

    def __init__(self, seed, protocol, commands):
        self.seed, self.protocol, self.commands = seed, protocol, commands

    def without(self, index):
        return Case(self.seed, self.protocol, self.commands[:index] + self.commands[index + 1:])

    @property
    def sent(self):
        return b"".join(self.commands)


def mangle(d, command):
    """The command with one fault. Serials stay whole: cases must not share keys. Nor is a token said
    twice: it could become part of a value, which would differ between servers."""
    serials = [range(found.start(), found.end()) for found in re.finditer(SERIAL, command)]
    at = d.choice([at for at in range(len(command)) if not any(at in serial for serial in serials)])
    kind = d.randrange(8)
    if kind == 0:
        return command[:at] + command[at + 1:]
    if kind == 1:
        return command[:at] + bytes([d.choice(b" \t\0\r\nx9-")]) + command[at:]
    if kind == 2:
        return command[:at] + bytes([d.randrange(256)]) + command[at + 1:]
    if kind == 3:
        return command.replace(b" ", d.choice((b"  ", b"\t", b"")), 1)
    if kind == 4:
        return command.replace(b"\r\n", d.choice((b"\n", b" \r\n", b"\r\r\n", b"\r", b" x\r\n")), 1)
    if kind == 5:
        return command.upper()
    words = command.split(b" ")
    word = d.choice([at for at, word in enumerate(words) if kind != 6 or TOKEN not in word])
    return b" ".join(words[:word] + words[word:word + 1] * (2 * (kind == 6)) + words[word + 1:])
