/*
 * The connections of an HTTP server of libevent, which by itself limits neither their
 * number nor how long a slow client may take. If there are too many, the oldest has to
 * go; so has one that is too old. Not locked: the server's thread.
 */
#ifndef SERVER_VISITORS_H
#define SERVER_VISITORS_H

#include <stdint.h>

struct bufferevent;
struct evhttp;

enum { VISITORS_MAX = 64, VISITORS_STAY_MS = 10000 };

struct visitors {
    struct {
        struct bufferevent *stream; /* referenced; NULL: nobody */
        uint64_t came_us;
    } of[VISITORS_MAX];
};

/* Connections of `server` are counted from now on. */
void visitors_watch(struct visitors *v, struct evhttp *server);
/* Now and then. */
void visitors_look(struct visitors *v);
/* After the server has been freed. */
void visitors_fini(struct visitors *v);

#endif
