"""The differences that stand. doc/compatibility.md lists them in the same words; run checks
that.

A row is about the cases in which its pattern is found. It says what is still compared:

  REWRITTEN   in both answers a pattern is replaced; then they must be equal
  LOSES       all that memcached answers is the beginning of what mcd answers, or some of its lines
  CLOSES      the same, if neither answers the last command, because both close
  NOTHING     what follows depends on the difference
"""

import re

LOSES, CLOSES, NOTHING = "loses", "closes", "nothing"
LAST_ANSWERS = (b"MN\r\n", b"\x81\x0a" + b"\0" * 10 + b"\xca\xfe" + b"\0" * 8)
BIG = rb"(?:-?\d*[1-9]\d{10,}|-2147483649|2147483648|42949672\d\d)(?:[\t-\r -]|$)"
WIDE = rb"[\t\v\f\r]*[-+]?0*(?:\d{11,}|[3-9]\d{9}|2[2-9]\d{8}|21[5-9]\d{7}|214748364[6-9])"
STORE = rb"(?:set|add|replace|append|prepend|cas) +[^ \n]+ +"


class Difference:
    def __init__(self, what, reason, sent, compared):
        self.what, self.reason, self.compared = what, reason, compared
        self.sent = re.compile(sent, re.S | re.I)

    def applies(self, case):
        return self.sent.search(case.sent)


DIFFERENCES = (
    Difference("a connection that ends by an error in a binary request, or in the middle of a request",
               "mcd still answers the requests before that; memcached drops answers that it has not sent",
               rb"", CLOSES),
    Difference("binary requests with an unknown opcode and a body",
               "memcached skips the body twice, and so loses the next request",
               rb"\x80[\x1b\x1f\x25-\xff].{6}(?!\0\0\0\0)", LOSES),
    Difference("binary verbosity",
               "mcd knows it, as the memcached with storage engines does",
               rb"\x80\x1b", (rb"(\x81\x1b.{4})\0\x81\0\0\0\x0f(.{12})Unknown command",
                              rb"\1\0\0\0\0\0\0\2")),
    Difference("a key that is too long, in get and gat with several keys",
               "memcached drops the answer to the request before, so that later ones are taken for it",
               rb"g[ea]ts? .*?[^ \n]{251}", LOSES),
    Difference("a key that is too long, in gat with several keys",
               "mcd touches none; memcached those before it", rb"gats? .*?[^ \n]{251}", NOTHING),
    Difference("gat with a time and no key", "mcd answers ERROR; memcached END",
               rb"gats? +[^ \n]+ *\r?\n", NOTHING),
    Difference("a zero byte in a text command",
               "memcached does not see what follows in the line; mcd takes it as part of the word",
               rb"\0", NOTHING),
    Difference("times beyond 31 bits",
               "memcached takes the low 32 bits, so an item may expire at once; mcd takes the time",
               STORE + rb"[^ \n]+ +" + BIG + rb"|touch +[^ \n]+ +" + BIG + rb"|gats? +" + BIG
               + rb"| [TNR]" + BIG, NOTHING),
    Difference("lengths of values beyond 31 bits",
               "mcd refuses them; memcached takes the low 32 bits, and so reads values as commands",
               STORE + rb"[^ \n]+ +[^ \n]+ +" + WIDE + rb"|ms +[^ \n]+ +" + WIDE, NOTHING),
    Difference("a number below -2^63 where none may be negative",
               "mcd refuses it; memcached adds 2^64", rb"-0*(?!9223372036854775808)(?:9\d{18}|1\d{19})(?!\d)",
               NOTHING),
    Difference("mg and ma with an opaque token of more than 31 bytes",
               "mcd refuses it first; memcached when it has done the rest",
               rb"m[ga] [^\n]* O[^ \r\n]{32}", NOTHING),
    Difference("k of an item that N made, with b",
               "mcd returns the key in base64, as it came; memcached as it is",
               rb"m[ga] (?=[^\n]* b[ \r\n])(?=[^\n]* N)(?=.* k[ \r\n])", NOTHING),
    Difference("a key in base64 with characters that do not belong there",
               "mcd refuses it; memcached passes over them",
               rb"m[gsda] +(?=[^ \n]*[^A-Za-z0-9+/=@ \n])[^\n]* b[ \r]", NOTHING),
    Difference("a key in base64 whose last character has bits that belong to no byte",
               "mcd refuses it; memcached drops them, so one key has several forms",
               rb"m[gsda] +[^ \n]*(?-i:[^AQgw]==|[^AEIMQUYcgkosw048=]=)(?= )[^\n]* b[ \r]", NOTHING),
    Difference("T of ma, when the number gets longer", "memcached loses the time",
               rb"ma [^\n]* T", NOTHING),
    Difference("h, W, X and Z after incr and ma",
               "an item keeps its marks; memcached may make a new one, which has none",
               rb"(?:incr|ma) .*mg ", (rb" (?:h[01]|[WXZ])(?=[ \r])", rb"")),
    Difference("a number that gets shorter, while an answer with the item waits to be sent",
               "mcd pads it with blanks, as at other times; memcached makes a new item",
               rb"(?:gets?|gats?|mg) .*(?:incr|decr|ma) ",
               (rb"(VA|VALUE [^ \r\n]+ \d+) \d+([^\r\n]*)\r\n(\d+) *\r\n", rb"\1\2\r\n\3\r\n")),
    Difference("t of an item that expires now", "mcd returns 0; memcached a large number",
               rb"m[ga] [^\n]* t", (rb" t42949\d{5}", rb" t0")),
    Difference("t of an item that expires at a date", "may differ by a second: clocks tick at different moments",
               rb"m[ga] [^\n]* t", (rb" t\d{8,9}(?=[ \r])", rb" t1")),
    Difference("a value that is too large, and does not come",
               "mcd refuses it at once; memcached waits until all of it has come",
               STORE + rb"[^ \n]+ +[^ \n]+ +\d{7}", LOSES),
)


def explain(case, ours, theirs):
    """True if the differences that stand are all that the two answers differ by."""
    found = [row for row in DIFFERENCES if row.applies(case)]
    ways = [row.compared for row in found]
    if NOTHING in ways:
        return True
    for pattern, instead in [way for way in ways if isinstance(way, tuple)]:
        ours, theirs = (re.sub(pattern, instead, answer, flags=re.S) for answer in (ours, theirs))
    if ours == theirs:
        return True
    loses = LOSES in ways or CLOSES in ways and not ours.endswith(LAST_ANSWERS)
    return loses and is_part(theirs, ours)


def is_part(answer, whole):
    """Is it the beginning, or some of the lines in their order?"""
    lines = iter(whole.splitlines())
    return whole.startswith(answer) or all(line in lines for line in answer.splitlines())
