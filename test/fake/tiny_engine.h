/*
 * A storage engine in the test's own process, for tests of the host. It keeps a few
 * items, cuts their values into pieces if it is told to, and answers a call with what
 * the test has ordered. There is only one. The test's thread sets it up; workers call
 * it.
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

/* Start empty and without orders; with or without `arithmetic` of its own. */
ENGINE_HANDLE_V1 *tiny_engine_start(size_t piece, bool arithmetic);
/* Free the items. Returns how many of them somebody still referenced. */
unsigned tiny_engine_stop(void);

/* Order: the next call of this kind, and only that one, returns this code and does
 * nothing else. */
void tiny_engine_answer(enum tiny_call call, ENGINE_ERROR_CODE code);
/* How often this function was called. */
unsigned tiny_engine_called(enum tiny_call call);
/* The cookie of the call that the last order answered; NULL before. */
const void *tiny_engine_cookie(void);
/* The `when` of the last flush, and the opcode of the last unknown command. */
time_t tiny_engine_flushed(void);
uint8_t tiny_engine_opcode(void);

#endif
