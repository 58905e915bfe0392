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
    struct own_cookie cookie; /* for calls made under the core lock */
    unsigned scans;           /* how many are under way */
    bool scans_refused;       /* the log says that the engine refuses scans */
    atomic_bool flushed;      /* there was a flush_all, ever */
};

extern const struct repl_store_ops adapter_ops;

void adapter_init(struct adapter *a, const struct wrapped *wrapped,
                  const SERVER_HANDLE_V1 *server);
void adapter_fini(struct adapter *a);

/* A client's flush_all is about to reach the engine. Any thread. */
void adapter_note_flush(struct adapter *a);

#endif
