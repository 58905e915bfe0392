#include "repl/history.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { LOOK_BACK = 4 }; /* a link that is made and lost in turn, also with a copy */

static struct history_event *of_number(struct history *h, uint64_t number)
{
    return &h->ring[number % HISTORY_EVENTS];
}

static struct history_event *find_recent(struct history *h, enum history_kind kind,
                                         const char *text)
{
    for (uint64_t back = 1; back <= LOOK_BACK && back <= h->n; back++) {
        struct history_event *e = of_number(h, h->n - back);
        if (e->kind == kind && strncmp(e->text, text, HISTORY_TEXT - 1) == 0)
            return e;
    }
    return NULL;
}

void history_note(struct history *h, uint64_t now_us, enum history_kind kind,
                  const char *text)
{
    struct history_event *e = find_recent(h, kind, text);
    if (e == NULL) {
        e = of_number(h, h->n++);
        *e = (struct history_event){ .first_us = now_us, .kind = kind };
        snprintf(e->text, sizeof(e->text), "%s", text);
    }
    e->last_us = now_us;
    e->times++;
}

unsigned history_count(const struct history *h)
{
    return h->n < HISTORY_EVENTS ? (unsigned)h->n : HISTORY_EVENTS;
}

const struct history_event *history_get(const struct history *h, unsigned index)
{
    return &h->ring[(h->n - history_count(h) + index) % HISTORY_EVENTS];
}

const char *history_kind_name(enum history_kind kind)
{
    static const char *const names[] = {
        [HISTORY_NODE] = "node",
        [HISTORY_ROLE] = "role",
        [HISTORY_LINK] = "link",
        [HISTORY_COPY] = "copy",
    };
    return names[kind];
}
