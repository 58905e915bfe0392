/*
 * What waits to be written to the peer: composed bytes, and between them item values
 * that are sent from the items' own memory.
 *
 *   bytes   [header k1][value k1][header k2]          [header k3]...
 *   values                                  ^ item k2's memory
 *
 * Owned by the connection; under the core lock.
 */
#ifndef REPL_OUTQ_H
#define REPL_OUTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "repl/store.h"

struct outq_value {
    uint64_t after; /* comes when so many composed bytes, ever, are out */
    struct repl_item item;
};

struct outq {
    struct buffer bytes;
    uint64_t composed_out;     /* composed bytes written, ever */
    struct outq_value *values; /* a ring */
    size_t first, n, size;
    size_t value_sent;                      /* of the first value */
    size_t value_bytes;                     /* of all values, not yet written */
    const struct repl_store_ops *store_ops; /* to release items with */
    void *store;
};

void outq_init(struct outq *q, const struct repl_store_ops *store_ops, void *store);
void outq_fini(struct outq *q);

/* Takes over the item's reference. When memory is out, bytes.failed is set, as when
 * composing fails: half a message may stand at the tail then, and no more may be sent. */
void outq_add_value(struct outq *q, struct repl_item *item);
size_t outq_length(const struct outq *q);

/* Up to max iovecs of what is next; then how much of it the network took. */
int outq_gather(const struct outq *q, struct iovec *iov, int max);
void outq_sent(struct outq *q, size_t n);

#endif
