/*
 * The wrapped engine as the store that the replication core knows (repl/store.h).
 */
#ifndef ENGINE_ADAPTER_H
#define ENGINE_ADAPTER_H

#include <stdatomic.h>

#include "engine/shim.h"
#include "engine/wrapped.h"
#include "repl/store.h"

struct adapter {
    const struct wrapped *wrapped;
    const SERVER_HANDLE_V1 *server;
    struct own_cookie cookie; /* of the calls made under the core lock */
    unsigned scans;           /* under way */
    bool scans_refused;       /* said so in the log */
    atomic_bool flushed;      /* a flush_all was made, ever */
};

extern const struct repl_store_ops adapter_ops;

void adapter_init(struct adapter *a, const struct wrapped *wrapped,
                  const SERVER_HANDLE_V1 *server);
void adapter_fini(struct adapter *a);

/* A client's flush_all is about to reach the engine. Any thread. */
void adapter_note_flush(struct adapter *a);

#endif
