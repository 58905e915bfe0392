/*
 * Whoever is connected to the control socket, and what it is told. The thread's.
 */
#ifndef REPL_CONTROL_ANSWER_H
#define REPL_CONTROL_ANSWER_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stdint.h>

struct commands;

struct command_client {
    struct commands *commands;
    struct bufferevent *stream; /* NULL: this place is free */
    bool wants_news;
    uint64_t heard_us; /* when it asked last */
};

/* One line of an answer; kind is STAT, STEP, OK, NO or ERROR. NULL: nobody listens. */
void answer_put(struct command_client *client, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
