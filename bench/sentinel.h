/*
 * Where redis's clients find the active server: they ask the sentinels, in turn.
 */
#ifndef BENCH_SENTINEL_H
#define BENCH_SENTINEL_H

#include <netinet/in.h>
#include <stdbool.h>

enum { SENTINELS_MAX = 8 };

struct sentinels {
    struct sockaddr_in all[SENTINELS_MAX];
    unsigned n, next; /* next: asked first, because it has answered last */
};

/* ADDRESS:PORT, numeric. */
bool address_take(const char *text, struct sockaddr_in *out);
/* Several, separated by commas. */
bool sentinels_take(const char *text, struct sentinels *out);
/* The server that the first one to answer names; each gets patience_ms. False: none has
 * answered. Waits. */
bool sentinels_ask(struct sentinels *s, int patience_ms, struct sockaddr_in *out);

#endif
