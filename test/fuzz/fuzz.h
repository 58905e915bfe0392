/*
 * Shared by the fuzzers. Each fuzz_<what>.c defines LLVMFuzzerTestOneInput. Linked with
 * replay.c it is a test that runs the seeds (make check); linked with libFuzzer it
 * searches for new inputs (make fuzz). A fuzzer that finds an error aborts.
 */
#ifndef TEST_FUZZ_FUZZ_H
#define TEST_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* Copies the bytes to memory of exactly their size, so that an access beyond them is
 * noticed; the caller frees it. */
static inline void *fuzz_exact(const void *bytes, size_t n)
{
    void *copy = malloc(n > 0 ? n : 1);
    AN(copy);
    if (n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

static inline char *fuzz_text(const void *bytes, size_t n)
{
    char *text = malloc(n + 1);
    AN(text);
    if (n > 0)
        memcpy(text, bytes, n);
    text[n] = '\0';
    return text;
}

#endif
