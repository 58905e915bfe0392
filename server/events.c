#include "server/events.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "server/log.h"

struct event_row {
    EVENT_CALLBACK callback;
    const void *data;
    struct event_row *next;
};

/* Grows only, by whole rows, so workers read it without a lock. */
static struct event_row *_Atomic event_rows[MAX_ENGINE_EVENT_TYPE];

void events_register(ENGINE_HANDLE *engine, ENGINE_EVENT_TYPE type,
                     EVENT_CALLBACK callback, const void *data)
{
    (void)engine;
    if ((unsigned)type >= MAX_ENGINE_EVENT_TYPE || callback == NULL)
        return;
    struct event_row *row = malloc(sizeof(*row));
    if (row == NULL) {
        log_warning("out of memory: an engine will not receive events of type %d and may "
                    "not work; restart mcd with more memory, or a lower -m",
                    (int)type);
        return;
    }
    *row = (struct event_row){ callback, data, atomic_load(&event_rows[type]) };
    while (!atomic_compare_exchange_weak(&event_rows[type], &row->next, row))
        ;
}

bool events_have_listener(ENGINE_EVENT_TYPE type)
{
    return atomic_load_explicit(&event_rows[type], memory_order_acquire) != NULL;
}

void events_tell(ENGINE_EVENT_TYPE type, const void *data, const void *cookie)
{
    if ((unsigned)type >= MAX_ENGINE_EVENT_TYPE)
        return;
    struct event_row *row = atomic_load_explicit(&event_rows[type], memory_order_acquire);
    for (; row != NULL; row = row->next)
        row->callback(cookie, type, data, row->data);
}
