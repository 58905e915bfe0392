/*
 * Keeps a log readable when the same thing happens again and again: a peer that refuses
 * each handshake, a host that dials all day. What differs in its digits only counts
 * as the same.
 */
#ifndef REPL_REPEATS_H
#define REPL_REPEATS_H

#include <stdbool.h>
#include <stdint.h>

enum { REPEATS_KINDS = 16 };

struct repeats {
    struct {
        uint64_t kind, last_us;
        uint32_t count;
    } rows[REPEATS_KINDS];
    struct {
        uint64_t last_us;
        uint32_t count;
    } crowd; /* texts of kinds for which there was no row */
};

/* Whether to log this text: the first few times, then ever more rarely. What did not
 * happen for a minute is news again. Returns how often it happened, 0: be silent. */
uint32_t repeats_note(struct repeats *r, const char *text, uint64_t now_us);

#endif
