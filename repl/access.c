/* The store's answers, counted when there is none. */
#include "repl/internal.h"

void core_store_failed(struct repl_core *c, const char *what)
{
    uint64_t n = ++c->count.store_failures;
    if ((n & (n - 1)) == 0)
        repl_core_fault(
            c,
            "the store could not %s (such failures so far: %llu); it is tried "
            "again: see whether this machine is short of memory",
            what, (unsigned long long)n);
}

enum repl_answer core_lookup(struct repl_core *c, const void *key, size_t nkey,
                             struct repl_item *out)
{
    enum repl_answer found = c->store_ops->lookup(c->store, key, nkey, out);
    if (found == REPL_UNKNOWN)
        core_store_failed(c, "look a key up");
    return found;
}

enum repl_answer core_scan_next(struct repl_core *c, struct repl_scan *scan,
                                struct repl_item *out)
{
    enum repl_answer next = c->store_ops->scan_next(c->store, scan, out);
    if (next == REPL_UNKNOWN)
        core_store_failed(c, "go on with a scan over its items");
    return next;
}
