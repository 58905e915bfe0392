#include "store/notes.h"

void notes_tell(struct store *s, enum engine_note_kind kind, const struct item *it,
                unsigned mark, unsigned queue)
{
    engine_watcher watcher = atomic_load(&s->watcher);
    if (watcher == NULL || it->nkey > UINT8_MAX)
        return;
    const struct engine_note note = { .key = item_key(it),
                                      .nkey = (uint8_t)it->nkey,
                                      .kind = (uint8_t)kind,
                                      .credit = notes_credit(mark, queue),
                                      .cas = item_cas(it) };
    watcher(s->watcher_context, &note);
}

void notes_tell_read(struct store *s, const void *key, size_t nkey)
{
    engine_watcher watcher = atomic_load(&s->watcher);
    if (watcher == NULL || nkey > UINT8_MAX)
        return;
    const struct engine_note note = { .key = key,
                                      .nkey = (uint8_t)nkey,
                                      .kind = NOTE_READ };
    watcher(s->watcher_context, &note);
}
