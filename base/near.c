#include "base/near.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { WORD_LONG = 40 }; /* longer words are near to none */

static bool same(char a, char b)
{
    return a == b || (a == '-' && b == '_') || (a == '_' && b == '-');
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Row i of the table has the steps from the first i letters of a to each beginning of b.
 * Three rows are kept: two letters in the wrong order look two rows back. */
static unsigned steps_between(const char *a, size_t na, const char *b, size_t nb)
{
    unsigned rows[3][WORD_LONG + 1];
    for (unsigned j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= na; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3];
        const unsigned *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= nb; j++) {
            now[j] = least(before[j], now[j - 1]) + 1;
            now[j] = least(now[j], before[j - 1] + !same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

void near_init(struct near *n, const char *word)
{
    *n = (struct near){ .word = word, .steps = (unsigned)strlen(word) / 4 + 2 };
}

void near_try(struct near *n, const char *word)
{
    size_t na = strlen(n->word), nb = strlen(word);
    if (na > WORD_LONG || nb > WORD_LONG)
        return;
    unsigned steps = steps_between(n->word, na, word, nb);
    if (steps >= n->steps || steps >= nb)
        return;
    n->steps = steps;
    n->best = word;
}

void near_try_rows(struct near *n, const struct option_row *rows, size_t nrows)
{
    for (size_t i = 0; i < nrows; i++)
        near_try(n, rows[i].name);
}

struct search {
    struct near *near;
    const struct option_row *rows;
    size_t nrows;
    char *key;
    size_t nkey;
};

/* False ends the search. */
static bool try_pair(void *context, const struct option_pair *pair)
{
    struct search *s = context;
    snprintf(s->key, s->nkey, "%s", pair->key);
    near_init(s->near, s->key);
    near_try_rows(s->near, s->rows, s->nrows);
    return s->near->best == NULL;
}

bool near_find_pair(struct near *n, const char *pairs, const struct option_row *rows,
                    size_t nrows, char *key, size_t nkey)
{
    char why[64];
    struct search s = { n, rows, nrows, key, nkey };
    struct option_reader reader = {
        .take = try_pair, .context = &s, .why = why, .nwhy = sizeof(why)
    };
    near_init(n, "");
    option_read(&reader, pairs);
    return n->best != NULL;
}

const char *near_hint(const struct near *n, const char *prefix, char *room, size_t nroom)
{
    if (n->best == NULL)
        return "";
    snprintf(room, nroom, " (did you mean '%s%s'?)", prefix, n->best);
    return room;
}
