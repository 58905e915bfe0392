/*
 * A storage engine in a test's own process, for tests of the host: it keeps a few items,
 * cuts their values into pieces if told to, and answers a call with whatever the test
 * has put up for it. There is one; the test's thread sets it up, workers call it.
 */
#ifndef TEST_FAKE_TINY_ENGINE_H
#define TEST_FAKE_TINY_ENGINE_H

#include <memcached/engine.h>

enum tiny_call {
    TINY_ALLOCATE,
    TINY_REMOVE,
    TINY_GET,
    TINY_STORE,
    TINY_ARITHMETIC,
    TINY_FLUSH,
    TINY_STATS,
    TINY_UNKNOWN,
    TINY_CALLS
};

/* Empty, without orders; with arithmetic of its own or without. */
ENGINE_HANDLE_V1 *tiny_engine_start(size_t piece, bool arithmetic);
/* Frees the items; how many of them were still referenced by somebody. */
unsigned tiny_engine_stop(void);

/* The next call of this kind gets this answer, once; what it would do it does not. */
void tiny_engine_answer(enum tiny_call call, ENGINE_ERROR_CODE code);
/* How often it was called. */
unsigned tiny_engine_called(enum tiny_call call);
/* The cookie of the call that was answered by the last order; NULL before. */
const void *tiny_engine_cookie(void);
/* The `when` of the last flush, and the opcode of the last unknown command. */
time_t tiny_engine_flushed(void);
uint8_t tiny_engine_opcode(void);

#endif
