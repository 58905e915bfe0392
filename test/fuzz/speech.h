/*
 * What a false peer says, made from a fuzzer's bytes: messages of the link that are
 * mostly well formed and name what there is, so that they come far, and sometimes are
 * not.
 */
#ifndef TEST_FUZZ_SPEECH_H
#define TEST_FUZZ_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#include "repl/internal.h"

/* The fuzzer's bytes; zeros behind their end. */
struct input {
    const uint8_t *at, *end;
};

enum { SPEECH_KEYS = 24, SPEECH_KEY = 8, SPEECH_VALUE_MAX = 3000 };

uint8_t input_byte(struct input *in);
/* The key of that number, as text. */
void speech_key(unsigned number, char key[SPEECH_KEY]);

/* A message at the tail of out, for a core that is as it is now. */
void speech_put(struct input *in, const struct repl_core *c, struct buffer *out);
/* What it introduces itself with; said is what the core has said of itself. */
void speech_hello(struct input *in, const struct link_hello *said,
                  struct link_hello *hello);

#endif
