/*
 * A server that is being loaded: quiet meta sets, one batch on its way while the next one
 * is gathered. The server answers only what it refuses.
 */
#ifndef CTL_TARGET_H
#define CTL_TARGET_H

#include "ctl/item.h"
#include "ctl/memcache.h"

struct target {
    struct memcache server;
    bool replace;  /* also keys that the server has */
    bool with_cas; /* items keep their CAS */
    unsigned open; /* batches that are not confirmed */
    unsigned in_batch;
    size_t batch_bytes;
    uint64_t sent, bytes;
    uint64_t kept;    /* not stored, because the server has the key */
    uint64_t expired; /* before they were sent */
    uint64_t refused; /* with an error; first_error is the first one */
    char first_error[200];
};

/* replace and with_cas are set by the caller, after this. */
bool target_open(struct target *t, const char *address, unsigned timeout_ms);
bool target_put(struct target *t, const struct item *it);
/* Waits until the server has confirmed all. */
bool target_finish(struct target *t);
void target_close(struct target *t);

#endif
