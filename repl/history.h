/*
 * What has happened to this node: the last events, in fixed memory. A restart forgets
 * them. An event that repeats one of the last few is counted there, so that a link that
 * comes and goes all night does not push out the rest.
 */
#ifndef REPL_HISTORY_H
#define REPL_HISTORY_H

#include <stdint.h>

enum { HISTORY_EVENTS = 64, HISTORY_TEXT = 200 };

enum history_kind { HISTORY_NODE, HISTORY_ROLE, HISTORY_LINK, HISTORY_COPY };

struct history_event {
    uint64_t first_us, last_us;
    uint32_t times;
    enum history_kind kind;
    char text[HISTORY_TEXT];
};

/* Zeros: empty. */
struct history {
    uint64_t n; /* noted so far; the ring has the last HISTORY_EVENTS of them */
    struct history_event ring[HISTORY_EVENTS];
};

void history_note(struct history *h, uint64_t now_us, enum history_kind kind,
                  const char *text);
unsigned history_count(const struct history *h);
/* The event with this index, 0 is the oldest that is left. */
const struct history_event *history_get(const struct history *h, unsigned index);
const char *history_kind_name(enum history_kind kind);

#endif
