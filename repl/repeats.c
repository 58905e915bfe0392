#include "repl/repeats.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/hash.h"

enum { FIRST_FEW = 8, CROWD_MAX = 64, FORGET_US = 60 * 1000 * 1000 };

static uint64_t kind_of(const char *text)
{
    char letters[256];
    size_t n = 0;
    for (; *text != '\0' && n < sizeof(letters); text++) {
        if (!isdigit((unsigned char)*text))
            letters[n++] = *text;
    }
    return hash_key(letters, n);
}

static bool is_power_of_two(uint32_t n)
{
    return (n & (n - 1)) == 0;
}

/* A peer can choose a text, so there may always be new ones. Such a crowd is logged at
 * first, and never takes the rows of texts that are known. */
static uint32_t crowd_note(struct repeats *r, uint64_t now_us)
{
    if (now_us - r->crowd.last_us > FORGET_US)
        r->crowd.count = 0;
    r->crowd.last_us = now_us;
    uint32_t n = ++r->crowd.count;
    return n <= CROWD_MAX || is_power_of_two(n);
}

uint32_t repeats_note(struct repeats *r, const char *text, uint64_t now_us)
{
    uint64_t kind = kind_of(text);
    unsigned at = 0;
    for (unsigned i = 0; i < REPEATS_KINDS; i++) {
        if (r->rows[i].kind == kind) {
            at = i;
            break;
        }
        if (r->rows[i].last_us < r->rows[at].last_us)
            at = i; /* otherwise replace the text that has been silent for longest */
    }
    bool is_cold = now_us - r->rows[at].last_us > FORGET_US || r->rows[at].count == 0;
    if (r->rows[at].kind != kind && !is_cold)
        return crowd_note(r, now_us);
    if (is_cold)
        r->rows[at].count = 0;
    r->rows[at].kind = kind;
    r->rows[at].last_us = now_us;
    uint32_t n = ++r->rows[at].count;
    return n <= FIRST_FEW || is_power_of_two(n) ? n : 0;
}
