#include "server/prefixes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

void prefixes_init(struct prefixes *p, char delimiter)
{
    *p = (struct prefixes){ .delimiter = delimiter };
    AZ(pthread_mutex_init(&p->lock, NULL));
}

void prefixes_clear(struct prefixes *p)
{
    AZ(pthread_mutex_lock(&p->lock));
    for (size_t i = 0; i < PREFIX_CHAINS; i++) {
        struct prefix *x;
        while ((x = p->chains[i]) != NULL) {
            p->chains[i] = x->next;
            free(x);
        }
    }
    p->n = 0;
    AZ(pthread_mutex_unlock(&p->lock));
}

static struct prefix *add(struct prefixes *p, struct prefix **chain, const char *text,
                          size_t n)
{
    struct prefix *x = p->n < PREFIXES_MAX ? calloc(1, sizeof(*x) + n) : NULL;
    if (x == NULL)
        return NULL;
    memcpy(x->text, text, n);
    x->n = n;
    x->next = *chain;
    *chain = x;
    p->n++;
    return x;
}

static struct prefix *find(struct prefixes *p, const char *text, size_t n)
{
    struct prefix **chain = &p->chains[hash_key(text, n) % PREFIX_CHAINS], *x = *chain;
    while (x != NULL && (x->n != n || memcmp(x->text, text, n) != 0))
        x = x->next;
    return x != NULL ? x : add(p, chain, text, n);
}

void prefixes_count(struct prefixes *p, const char *key, size_t nkey, unsigned first,
                    unsigned second)
{
    const char *end = memchr(key, p->delimiter, nkey);
    if (end == NULL)
        return;
    AZ(pthread_mutex_lock(&p->lock));
    struct prefix *x = find(p, key, (size_t)(end - key));
    if (x != NULL)
        x->count[first]++;
    if (x != NULL && second < PREFIX_COUNTERS)
        x->count[second]++;
    AZ(pthread_mutex_unlock(&p->lock));
}

void prefixes_each(struct prefixes *p, void (*take)(void *context, const char *line),
                   void *context)
{
    char line[512];
    AZ(pthread_mutex_lock(&p->lock));
    for (size_t i = 0; i < PREFIX_CHAINS; i++) {
        for (const struct prefix *x = p->chains[i]; x != NULL; x = x->next) {
            snprintf(line, sizeof(line),
                     "PREFIX %.*s get %" PRIu64 " hit %" PRIu64 " set %" PRIu64
                     " del %" PRIu64,
                     (int)x->n, x->text, x->count[PREFIX_GETS], x->count[PREFIX_HITS],
                     x->count[PREFIX_SETS], x->count[PREFIX_DELETES]);
            take(context, line);
        }
    }
    AZ(pthread_mutex_unlock(&p->lock));
}
