/*
 * A blocking connection to a memcached-compatible server, for commands of the text
 * protocol. Requests are gathered in `out`; answers are read line by line. If a function
 * fails, `why` has the reason, and the connection is of no more use.
 */
#ifndef CTL_MEMCACHE_H
#define CTL_MEMCACHE_H

#include "base/buffer.h"

enum {
    MEMCACHE_REQUESTS = 16 * 1024
}; /* bytes of requests that a server always takes,
      even if it waits until answers are read */

struct memcache {
    int fd; /* -1: not connected */
    struct buffer in, out;
    size_t used; /* of in: what the last call returned */
    char name[300], why[400];
};

/* address: HOST[:PORT], the port is 11211 if it is missing. timeout_ms: of each wait.
 * Call memcache_close in either case. */
bool memcache_open(struct memcache *m, const char *address, unsigned timeout_ms);
void memcache_close(struct memcache *m);

/* Sends what is in `out`. */
bool memcache_send(struct memcache *m);

/* The next line without its end, as a string; or the next n bytes. They are valid until
 * the next call. NULL: the server closed, is late, or says something too long. */
char *memcache_line(struct memcache *m);
const char *memcache_bytes(struct memcache *m, size_t n);

#endif
