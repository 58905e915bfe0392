#include "repl/delta.h"

/* Bytes. A smaller value is sent whole: that heals whatever may be wrong. */
enum { VALUE_LEAST = 1024 };

static bool follows(struct delta *d, const struct delta *other)
{
    if (other->base == d->cas)
        d->cas = other->cas;
    else if (other->cas == d->base)
        d->base = other->base;
    else
        return false;
    return true;
}

bool delta_join(struct delta *d, const struct delta *other)
{
    bool same_end = d->npiece == 0 || other->npiece == 0 || d->before == other->before;
    if (!same_end || other->npiece > UINT32_MAX - d->npiece ||
        !follows(d, other)) /* mutant: deltas-with-a-gap */
        return false;
    d->before = d->npiece != 0 ? d->before : other->before;
    d->npiece += other->npiece;
    return true;
}

bool delta_reduce(const struct delta *d, struct link_change *state)
{
    if (state->cas != d->cas || /* mutant: delta-of-a-later-value */
        state->nvalue < VALUE_LEAST || d->npiece > state->nvalue / 2)
        return false;
    if (!d->before)
        state->value = (const char *)state->value + (state->nvalue - d->npiece);
    state->nvalue = d->npiece;
    state->base = d->base;
    state->before = d->before;
    return true;
}
