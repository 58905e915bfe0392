/*
 * Runs a codec as a server would, and writes one line for each request that it parsed, so
 * that a test is a pair of texts:
 *
 *   set a 5 0 1\r\nx\r\n      ->   set a flags=5 value=x
 *   delete a 5\r\n            ->   ! CLIENT_ERROR bad command line format.  Usage: ...
 *
 * A line names the command, the key and every member that is not zero. `!` precedes the
 * answer to a refused request, `closed` is the end of the connection, and `more` at the
 * end means that bytes are left over.
 */
#ifndef TEST_UNIT_CODEC_TRACE_H
#define TEST_UNIT_CODEC_TRACE_H

#include <stddef.h>

#include "protocol/codec.h"

/* The input arrives in pieces: `first` bytes, then `step` bytes at a time. The caller
 * frees the result. */
char *codec_trace(const struct codec *codec, uint32_t value_max, const void *bytes,
                  size_t n, size_t first, size_t step);

/* Compares the trace of the whole input with the wanted one. Then compares it with the
 * traces of every way to cut the input in two, and of single bytes. */
void codec_trace_check(const struct codec *codec, uint32_t value_max, const void *bytes,
                       size_t n, const char *wanted);

/* Composes head, value, tail and (if requested) end; bytes beyond ASCII become \xHH. */
char *codec_answer(const struct codec *codec, const struct request *req,
                   const struct response *res, const char *value, bool end);

/* A response header of the binary protocol as codec_answer writes it, with opaque "abcd"
 * and no CAS. */
#define HEADER(opcode, nkey, nextra, status, nbody)                                      \
    "\\x81" opcode "\\x00" nkey nextra "\\x00\\x00" status "\\x00\\x00\\x00" nbody       \
    "abcd" Z4 Z4
#define Z4   "\\x00\\x00\\x00\\x00"
#define ZERO "\\x00"

#endif
