/*
 * A scan over all items of the engine, for a client's dump. Engines with the extension
 * engine_admin.h give any number of scans, of live items only, and end one at any
 * position. Others are asked for a tap iterator, which may show an item that has expired;
 * one that is not scanned to its end is the engine's to clean up, at the disconnect.
 *
 * The worker's thread of the client.
 */
#ifndef SERVER_SCAN_H
#define SERVER_SCAN_H

#include <stdbool.h>

#include <memcached/engine.h>
#include <memcached/engine_admin.h>

enum scan_step {
    SCAN_ITEM,    /* the caller releases it */
    SCAN_NOTHING, /* none for a while: go on */
    SCAN_END,
    SCAN_FAILED /* the engine cannot go on now */
};

struct scan {
    ENGINE_HANDLE *handle;
    const struct engine_admin *admin; /* NULL: next is used */
    TAP_ITERATOR next;
    const void *cookie;
};

/* admin: the engine's extension, or NULL. False: the engine gives none now. */
bool scan_begin(struct scan *s, ENGINE_HANDLE *handle, const struct engine_admin *admin,
                const void *cookie);
/* facts: only of an engine with the extension; else all unknown. */
enum scan_step scan_next(struct scan *s, item **it, struct admin_facts *facts);
void scan_end(struct scan *s);

#endif
