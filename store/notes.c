#include "store/notes.h"

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
