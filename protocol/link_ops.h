/*
 * The messages of the replication link, one row each. The first four are memcached's
 * own opcodes with their standard bodies; the others are ours.
 *
 *   LINK_OP(NAME, opcode, what it means)
 */
LINK_OP(SETQ, 0x11, "the state of a key that exists")
LINK_OP(DELETEQ, 0x14, "the state of a key that does not")
LINK_OP(FLUSHQ, 0x18, "flush_all, at once or at some second")
LINK_OP(NOOP, 0x0a, "end of a batch; its response acknowledges the batch")
LINK_OP(HELLO, 0xe0, "who I am, sent by both at connect")
LINK_OP(ROLE, 0xe1, "I lead in this term")
LINK_OP(MAP, 0xe2, "what I changed, what I may miss")
LINK_OP(MERGE, 0xe3, "we agree; copy these to me")
LINK_OP(DONE, 0xe4, "I have the part")
LINK_OP(REPLACE, 0xe5,
        "a part begins: all that I have of these buckets, nothing else is right")
LINK_OP(FILL, 0xe6, "an item of a copy")
LINK_OP(END, 0xe7, "the part is complete")
LINK_OP(HANDOVER, 0xea, "you have all that I have: be active")
LINK_OP(ROLE_REQUEST, 0xee,
        "clients write to me: hand the role over if none writes to you")
LINK_OP(CHECK, 0xeb, "an item that I hold, with the digest of its value")
LINK_OP(VERIFY, 0xec, "these were all: name yours")
LINK_OP(VERIFIED, 0xed, "these were all of mine, and these buckets differ")
LINK_OP(NOTICE, 0xef, "what my store has read, kept and evicted")
LINK_OP(WANT, 0xf0, "items that your clients read and I do not have")
LINK_OP(ABSENT, 0xf1, "clients were told that these keys are not here")
LINK_OP(FETCH, 0xf2, "a client asks for these keys, and I miss them")
LINK_OP(REFILL, 0xf3, "a part of a copy begins: what you are missing of these buckets")
LINK_OP(MISSING, 0xf4, "keys that I had no room for: copy their buckets again")
LINK_OP(DELTA, 0xf5, "the state of a key, as what was added to the one before")
LINK_OP(RESEND, 0xf6, "keys of which I do not have what your DELTA builds on: send all")
LINK_OP(STREAM, 0xf9, "the state of a key, whose value follows in CHUNKs")
LINK_OP(CHUNK, 0xfa, "more of a value")
LINK_OP(PING, 0xe8, "still here, and what my clocks say")
LINK_OP(BYE, 0xe9, "why I close this connection, for your log")
LINK_OP(TAKEN, 0xf8, "how far I have taken your changes")
LINK_OP(REPORT, 0xfb, "how I am, for your operator")
