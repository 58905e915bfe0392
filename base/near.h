/*
 * What a wrong word may have meant: the word of a list to which it is nearest. One letter
 * too many, too few, wrong, or two letters in the wrong order are one step; '-' and '_'
 * are the same. A quarter of the letters may be wrong, and one more.
 *
 *   near_init(&n, "pidfle"); near_try(&n, "port"); near_try(&n, "pidfile");
 *   near_hint(&n, "--", room, sizeof(room))   " (did you mean '--pidfile'?)"
 */
#ifndef BASE_NEAR_H
#define BASE_NEAR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/option.h"

enum { NEAR_HINT = 96 }; /* bytes that are enough for a hint */

struct near {
    const char *word; /* of the caller */
    const char *best; /* the nearest word so far; NULL: none is near */
    unsigned steps;   /* a word that needs so many is too far, or not nearer than best */
};

void near_init(struct near *n, const char *word);
void near_try(struct near *n, const char *word);
void near_try_rows(struct near *n, const struct option_row *rows, size_t nrows);
/* Of an engine's options, "key=value;key=value", the first key that is near to the name
 * of a row. It is kept in key, to which n->word then points. False: there is none. */
bool near_find_pair(struct near *n, const char *pairs, const struct option_row *rows,
                    size_t nrows, char *key, size_t nkey);

/* The hint, in room; empty if no word is near. The prefix stands before the word. */
const char *near_hint(const struct near *n, const char *prefix, char *room, size_t nroom);

#endif
