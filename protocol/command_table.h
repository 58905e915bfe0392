/*
 * The clients' commands, one row each. A row has everything about a command except what
 * it does, which is its handler in server/.
 *
 *   COMMAND(NAME, handler, text answer, binary answer, NOT_STORED as, words, opcodes)
 *
 *   handler        command_run_<handler> in server/
 *   text answer    SAYS("a line"), or GIVES(data): compose_<data> in text_compose.c;
 *                  BUT(OUTCOME, "bytes"): the command's own words for an outcome,
 *                  instead of those in outcome_table.h
 *   binary answer  compose_<answer> in binary_compose.c
 *   NOT_STORED as  the outcome that binary clients get for NOT_STORED: text has one
 *                  word where the binary protocol may name the reason
 *
 *   WORD(word, its first two letters, NAME, min and max arguments, options, arguments)
 *
 *   arguments      the function that reads them; LIST: any number of keys (text_list.c)
 *   options        NOREPLY: may be the last argument; CAS: the answer carries the CAS
 *
 *   OPCODE(opcode, NAME, shape, options)
 *
 *   shape          extras, key and value: SHAPE_<shape> in binary_parse.c
 *   options        QUIET; KEY: the answer carries the key
 *
 * An includer defines what it needs of COMMAND, WORD and OPCODE; this file undefines
 * them at its end.
 */
#ifndef COMMAND
#define COMMAND(NAME, handler, text, binary, not_stored, words, opcodes) words opcodes
#endif
#ifndef WORD
#define WORD(...)
#endif
#ifndef OPCODE
#define OPCODE(...)
#endif
#define NO_WORD
#define NO_OPCODE

/* clang-format off */
COMMAND(GET, get, GIVES(value) BUT(NOT_FOUND, ""), value, NOT_STORED,
        WORD(get, 'g', 'e', GET, 1, ANY, 0, LIST)
        WORD(gets, 'g', 'e', GET, 1, ANY, CAS, LIST)
        WORD(mg, 'm', 'g', GET, 1, ANY, 0, meta_parse_get),
        OPCODE(0x00, GET, key, 0)
        OPCODE(0x09, GET, key, QUIET)
        OPCODE(0x0c, GET, key, KEY)
        OPCODE(0x0d, GET, key, QUIET | KEY))
/* get and touch */
COMMAND(GAT, touch, GIVES(value) BUT(NOT_FOUND, ""), value, NOT_STORED,
        WORD(gat, 'g', 'a', GAT, 2, ANY, 0, LIST)
        WORD(gats, 'g', 'a', GAT, 2, ANY, CAS, LIST),
        OPCODE(0x1d, GAT, touch, 0)
        OPCODE(0x1e, GAT, touch, QUIET)
        OPCODE(0x23, GAT, touch, KEY)
        OPCODE(0x24, GAT, touch, QUIET | KEY))
/* From here to CAS: the set family. */
COMMAND(SET, set, SAYS("STORED"), done, NOT_STORED,
        WORD(set, 's', 'e', SET, 4, 5, NOREPLY, parse_store)
        WORD(ms, 'm', 's', SET, 1, ANY, 0, meta_parse_set),
        OPCODE(0x01, SET, store, 0)
        OPCODE(0x11, SET, store, QUIET))
COMMAND(ADD, set, SAYS("STORED") BUT(EXISTS, "NOT_STORED\r\n"), done, EXISTS,
        WORD(add, 'a', 'd', ADD, 4, 5, NOREPLY, parse_store),
        OPCODE(0x02, ADD, store, 0)
        OPCODE(0x12, ADD, store, QUIET))
COMMAND(REPLACE, set, SAYS("STORED") BUT(NOT_FOUND, "NOT_STORED\r\n"), done, NOT_FOUND,
        WORD(replace, 'r', 'e', REPLACE, 4, 5, NOREPLY, parse_store),
        OPCODE(0x03, REPLACE, store, 0)
        OPCODE(0x13, REPLACE, store, QUIET))
COMMAND(APPEND, set, SAYS("STORED") BUT(NOT_FOUND, "NOT_STORED\r\n"), done, NOT_STORED,
        WORD(append, 'a', 'p', APPEND, 4, 5, NOREPLY, parse_store),
        OPCODE(0x0e, APPEND, piece, 0)
        OPCODE(0x19, APPEND, piece, QUIET))
COMMAND(PREPEND, set, SAYS("STORED") BUT(NOT_FOUND, "NOT_STORED\r\n"), done, NOT_STORED,
        WORD(prepend, 'p', 'r', PREPEND, 4, 5, NOREPLY, parse_store),
        OPCODE(0x0f, PREPEND, piece, 0)
        OPCODE(0x1a, PREPEND, piece, QUIET))
/* A set that names the CAS it expects, in both protocols. */
COMMAND(CAS, set, SAYS("STORED"), done, NOT_STORED,
        WORD(cas, 'c', 'a', CAS, 5, 6, NOREPLY, parse_store),
        NO_OPCODE)
COMMAND(DELETE, delete, SAYS("DELETED"), done, NOT_STORED,
        WORD(delete, 'd', 'e', DELETE, 1, 3, NOREPLY, parse_delete)
        WORD(md, 'm', 'd', DELETE, 1, ANY, 0, meta_parse_delete),
        OPCODE(0x04, DELETE, key, 0)
        OPCODE(0x14, DELETE, key, QUIET))
COMMAND(INCR, arithmetic, GIVES(number), number, NOT_STORED,
        WORD(incr, 'i', 'n', INCR, 2, 3, NOREPLY, parse_arith)
        WORD(ma, 'm', 'a', INCR, 1, ANY, 0, meta_parse_arith),
        OPCODE(0x05, INCR, arith, 0)
        OPCODE(0x15, INCR, arith, QUIET))
COMMAND(DECR, arithmetic, GIVES(number), number, NOT_STORED,
        WORD(decr, 'd', 'e', DECR, 2, 3, NOREPLY, parse_arith),
        OPCODE(0x06, DECR, arith, 0)
        OPCODE(0x16, DECR, arith, QUIET))
COMMAND(TOUCH, touch, SAYS("TOUCHED"), flags, NOT_STORED,
        WORD(touch, 't', 'o', TOUCH, 2, 3, NOREPLY, parse_touch),
        OPCODE(0x1c, TOUCH, touch, 0))
COMMAND(FLUSH, flush, SAYS("OK"), done, NOT_STORED,
        WORD(flush_all, 'f', 'l', FLUSH, 0, 2, NOREPLY, parse_flush),
        OPCODE(0x08, FLUSH, delay, 0)
        OPCODE(0x18, FLUSH, delay, QUIET))
COMMAND(STATS, stats, GIVES(stat) BUT(NOT_FOUND, "ERROR\r\n"), stat, NOT_STORED,
        WORD(stats, 's', 't', STATS, 0, ANY, 0, parse_rest),
        OPCODE(0x10, STATS, group, 0))
COMMAND(VERBOSITY, verbosity, SAYS("OK"), done, NOT_STORED,
        WORD(verbosity, 'v', 'e', VERBOSITY, 1, 2, NOREPLY, parse_verbosity),
        OPCODE(0x1b, VERBOSITY, level, 0))
COMMAND(MEMLIMIT, memlimit, GIVES(words), done, NOT_STORED,
        WORD(cache_memlimit, 'c', 'a', MEMLIMIT, 1, 2, NOREPLY, parse_memlimit),
        NO_OPCODE)
/* Dumps, and orders to parts of memcached that mcd does not have. */
COMMAND(CRAWLER, crawler, GIVES(words), done, NOT_STORED,
        WORD(lru_crawler, 'l', 'r', CRAWLER, 0, ANY, NOREPLY, parse_rest),
        NO_OPCODE)
COMMAND(LRU, tuning, GIVES(words), done, NOT_STORED,
        WORD(lru, 'l', 'r', LRU, 0, ANY, NOREPLY, parse_rest),
        NO_OPCODE)
COMMAND(SLABS, tuning, GIVES(words), done, NOT_STORED,
        WORD(slabs, 's', 'l', SLABS, 0, ANY, NOREPLY, parse_rest),
        NO_OPCODE)
COMMAND(WATCH, watch, GIVES(words), done, NOT_STORED,
        WORD(watch, 'w', 'a', WATCH, 0, ANY, NOREPLY, parse_rest),
        NO_OPCODE)
COMMAND(VERSION, version, GIVES(version), version, NOT_STORED,
        WORD(version, 'v', 'e', VERSION, 0, ANY, 0, parse_nothing),
        OPCODE(0x0b, VERSION, bare, 0))
COMMAND(NOOP, noop, SAYS("OK"), done, NOT_STORED,
        WORD(mn, 'm', 'n', NOOP, 0, ANY, 0, meta_parse_noop),
        OPCODE(0x0a, NOOP, bare, 0))
COMMAND(REFRESH_CERTS, refresh_certs, SAYS("OK"), done, NOT_STORED,
        WORD(refresh_certs, 'r', 'e', REFRESH_CERTS, 0, ANY, NOREPLY, parse_nothing),
        NO_OPCODE)
/* Facts about an item, for people. */
COMMAND(DEBUG, debug, SAYS("OK"), done, NOT_STORED,
        WORD(me, 'm', 'e', DEBUG, 0, ANY, 0, meta_parse_debug),
        NO_OPCODE)
/* Never answered with OK: the connection closes. */
COMMAND(SHUTDOWN, shutdown, BUT(NOT_FOUND, "CLIENT_ERROR invalid shutdown mode\r\n"), done,
        NOT_STORED,
        WORD(shutdown, 's', 'h', SHUTDOWN, 0, ANY, 0, parse_rest),
        NO_OPCODE)
COMMAND(QUIT, quit, BUT(OK, ""), done, NOT_STORED,
        WORD(quit, 'q', 'u', QUIT, 0, ANY, 0, parse_nothing),
        OPCODE(0x07, QUIT, bare, 0)
        OPCODE(0x17, QUIT, bare, QUIET))
/* What auth_codec reads (auth.c): the word is a set there. */
COMMAND(AUTH, auth, SAYS("STORED"), done, NOT_STORED, NO_WORD, NO_OPCODE)
/* A line that the host does not know: it is offered to the extensions. */
COMMAND(EXTENSION, extension, SAYS("OK"), done, NOT_STORED, NO_WORD, NO_OPCODE)
/* An opcode that the host does not know; the whole packet goes to the engine. */
COMMAND(ENGINE, engine, SAYS("OK"), done, NOT_STORED, NO_WORD, NO_OPCODE)
/* clang-format on */

#undef COMMAND
#undef WORD
#undef OPCODE
#undef NO_WORD
#undef NO_OPCODE
