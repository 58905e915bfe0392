/*
 * The messages of a false peer, made from a fuzzer's bytes: messages of the link that are
 * mostly well-formed and name existing things, so that they get far, and sometimes are
 * not.
 */
#ifndef TEST_FUZZ_SPEECH_H
#define TEST_FUZZ_SPEECH_H

#include <stddef.h>
#include <stdint.h>

#include "repl/internal.h"

/* The fuzzer's bytes, followed by zeros. */
struct input {
    const uint8_t *at, *end;
};

enum { SPEECH_KEYS = 24, SPEECH_KEY = 8, SPEECH_VALUE_MAX = 3000 };

uint8_t input_byte(struct input *in);
/* The key with that number, as text. */
void speech_key(unsigned number, char key[SPEECH_KEY]);

/* Appends a message to out, for the current state of the core. */
void speech_put(struct input *in, const struct repl_core *c, struct buffer *out);
/* Its HELLO; said is the core's own HELLO. */
void speech_hello(struct input *in, const struct link_hello *said,
                  struct link_hello *hello);

#endif
