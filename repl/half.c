/*
 * Values on their way in: each by its stream, in chunks, into an item that the store has
 * made for it and that nobody sees yet. So a value takes memory once, however large it
 * is.
 *
 *   STREAM{key, size} -->  make an item
 *   CHUNK...          -->  its value
 *   the last CHUNK    -->  whole: apply.c puts it
 *
 * If an item with its CAS is here already, what comes is compared with that, and an item
 * is made only when they differ: a copy of what is here costs no memory.
 *
 * A half value is the state of its key as of its STREAM. Whatever comes later about the
 * key is newer: then the rest of the half value comes in vain. When the session ends or
 * the roles change, it is dropped, and the change is one that was never taken.
 */
#include <string.h>

#include "repl/internal.h"

static void release(struct repl_core *c, struct repl_half *h)
{
    if (h->made != NULL)
        c->store_ops->release(c->store, h->made);
    if (h->here != NULL)
        c->store_ops->release(c->store, h->here);
    h->made = h->here = NULL;
    h->same = NULL;
}

void half_end(struct repl_core *c, struct repl_half *h)
{
    release(c, h);
    h->open = false;
}

void half_drop_all(struct repl_core *c)
{
    for (unsigned i = 0; i < LINK_STREAMS; i++)
        half_end(c, &c->halves[i]);
}

static void outdate(struct repl_core *c, struct repl_half *h)
{
    release(c, h);
    h->outdated = true;
}

/* FILLs name states at least as new as the FILLs before them, and changes as new as
 * all. */
static enum link_stream first_older(enum link_op op)
{
    return op == LINK_FILL ? STREAM_COPY : STREAM_CHANGES;
}

void half_outdate(struct repl_core *c, enum link_op op, const void *key, size_t nkey,
                  uint64_t cas)
{
    for (unsigned i = first_older(op); i < LINK_STREAMS; i++) {
        struct repl_half *h = &c->halves[i];
        if (h->open && h->change.nkey == nkey && h->change.cas <= cas &&
            memcmp(h->key, key, nkey) == 0)
            outdate(c, h); /* mutant: half-outlives-the-change */
    }
}

bool half_comes(const struct repl_core *c, const void *key, size_t nkey)
{
    for (unsigned i = 0; i < LINK_STREAMS; i++) {
        const struct repl_half *h = &c->halves[i];
        if (h->open && !h->outdated && h->change.nkey == nkey &&
            memcmp(h->key, key, nkey) == 0)
            return true;
    }
    return false;
}

void half_outdate_all(struct repl_core *c)
{
    for (unsigned i = 0; i < LINK_STREAMS; i++) {
        if (c->halves[i].open)
            outdate(c, &c->halves[i]);
    }
}

bool half_fits(const struct repl_core *c, const struct link_change *change)
{
    return c->config.item_max == 0 || change->nvalue <= c->config.item_max;
}

/* What is here, if it may be the same. */
static bool find_same(struct repl_core *c, struct repl_half *h)
{
    struct repl_item old;
    if (core_lookup(c, h->key, h->change.nkey, &old) != REPL_YES)
        return false;
    if (old.state.cas != h->change.cas || old.state.flags != h->change.flags ||
        old.state.nvalue != h->change.nvalue) {
        c->store_ops->release(c->store, old.item);
        return false;
    }
    h->here = old.item;
    h->same = old.state.value;
    return true;
}

/* With what has come, if that was only compared. */
static void make(struct repl_core *c, struct repl_half *h)
{
    h->made = c->store_ops->make(c->store, &h->change, &h->room);
    if (h->same == NULL)
        return;
    if (h->made != NULL)
        memcpy(h->room, h->same, h->got);
    c->store_ops->release(c->store, h->here);
    h->here = NULL;
    h->same = NULL;
}

const char *half_begin(struct repl_core *c, const struct link_message *m)
{
    struct repl_half *h = &c->halves[m->stream];
    if (h->open)
        return "a value begins before the last one is whole";
    *h = (struct repl_half){ .open = true, .change = m->change, .since_us = c->now_us };
    memcpy(h->key, m->change.key, m->change.nkey);
    h->change.key = h->key;
    h->change.exptime = core_second(c, m->change.exptime);
    h->fits = half_fits(c, &h->change);
    if (h->fits && !find_same(c, h))
        make(c, h);
    return NULL;
}

const char *half_add(struct repl_core *c, const struct link_message *m, bool *whole)
{
    struct repl_half *h = &c->halves[m->stream];
    *whole = false;
    if (!h->open)
        return "received a part of a value that has not begun";
    if (m->nrest > h->change.nvalue - h->got)
        return "received more of a value than there is";
    if (h->same != NULL &&
        memcmp(h->same + h->got, m->rest, m->nrest) != 0) /* mutant: half-same-cas */
        make(c, h);
    if (h->made != NULL)
        memcpy((char *)h->room + h->got, m->rest, m->nrest);
    h->got += (uint32_t)m->nrest;
    *whole = h->got == h->change.nvalue; /* mutant: half-is-enough */
    return NULL;
}

bool half_is_here(struct repl_core *c, struct repl_half *h)
{
    return h->same != NULL && c->store_ops->touch(c->store, &h->change);
}

void *half_take(struct repl_core *c, struct repl_half *h)
{
    if (h->same != NULL)
        make(c, h);
    void *made = h->made;
    h->made = NULL;
    return made;
}

bool repl_core_half(const struct repl_core *c, unsigned stream, uint64_t *since_us,
                    uint64_t *got)
{
    const struct repl_half *h = &c->halves[stream];
    *since_us = h->since_us;
    *got = h->got;
    return h->open;
}
