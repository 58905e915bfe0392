/*
 * A client of the control socket, and the lines that it is sent. All on the replication
 * thread.
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
    uint64_t heard_us; /* when it sent something last */
};

/* Send one line; kind is STAT, STEP, OK, NO, ERROR or NEWS. client NULL: nobody
 * listens, and this is a no-op. */
void answer_put(struct command_client *client, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
