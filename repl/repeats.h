/*
 * Keeps a log readable when the same thing happens again and again, such as a peer that
 * refuses each handshake, or a host that dials all day. Texts that differ only in
 * digits count as the same.
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
    } crowd; /* texts for which there was no row */
};

/* Whether to log this text: yes the first few times, then ever more rarely. A text that
 * did not occur for a minute counts as new. Returns how often it occurred; 0: do not
 * log it. */
uint32_t repeats_note(struct repeats *r, const char *text, uint64_t now_us);

#endif
