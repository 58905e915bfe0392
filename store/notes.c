#include "store/notes.h"

#include "store/seen.h"

void notes_tell(struct store *s, enum engine_note_kind kind, const struct item *it,
                unsigned mark, unsigned queue)
{
    engine_subscriber subscriber = atomic_load(&s->subscriber);
    if (subscriber == NULL)
        return;
    const struct engine_note note = { .key = item_key(it),
                                      .nkey = it->nkey,
                                      .kind = (uint8_t)kind,
                                      .credit = notes_credit(mark, queue),
                                      .cas = item_cas(it) };
    subscriber(s->subscriber_context, &note);
}

void notes_tell_read(struct store *s, const void *key, size_t nkey)
{
    engine_subscriber subscriber = atomic_load(&s->subscriber);
    if (subscriber == NULL || nkey > UINT8_MAX)
        return;
    const struct engine_note note = { .key = key,
                                      .nkey = (uint8_t)nkey,
                                      .kind = NOTE_READ };
    subscriber(s->subscriber_context, &note);
}

struct admin_glimpse notes_glimpse(struct store *s, const struct item *it)
{
    return (struct admin_glimpse){
        .clsid = STORE_CLASS,
        .nbytes = item_nbytes(it),
        .exptime = item_exptime(it),
        .facts = { .read = (item_mark(it) & MARK_FETCHED) != 0,
                   .knows_idle = true,
                   .idle = seen_idle(item_seen(it), s->now()),
                   .size = (uint32_t)item_size(it) },
    };
}

void notes_tell_evicted(struct store *s, const struct item *it)
{
    admin_evicted evicted = atomic_load(&s->evicted);
    if (evicted == NULL)
        return;
    const struct admin_glimpse was = notes_glimpse(s, it);
    evicted(atomic_load(&s->evicted_context), item_key(it), it->nkey, &was);
}
