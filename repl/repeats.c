#include "repl/repeats.h"

#include <ctype.h>
#include <stddef.h>

#include "base/hash.h"

enum { FIRST_FEW = 8, FORGET_US = 60 * 1000 * 1000 };

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
            at = i; /* else the one that is silent for longest makes room */
    }
    if (r->rows[at].kind != kind || now_us - r->rows[at].last_us > FORGET_US)
        r->rows[at].count = 0;
    r->rows[at].kind = kind;
    r->rows[at].last_us = now_us;
    uint32_t n = ++r->rows[at].count;
    return n <= FIRST_FEW || (n & (n - 1)) == 0 ? n : 0;
}
