/* Calls of the store that may fail for want of memory: failures are counted and
 * logged. */
#include "repl/internal.h"

void core_store_failed(struct repl_core *c, const char *what)
{
    uint64_t n = ++c->count.store_failures;
    if ((n & (n - 1)) == 0)
        repl_core_fault(
            c,
            "the store could not %s (such failures so far: %llu), and will try again: "
            "check whether this machine is short of memory",
            what, (unsigned long long)n);
}

enum repl_answer core_lookup(struct repl_core *c, const void *key, size_t nkey,
                             struct repl_item *out)
{
    enum repl_answer found = c->store_ops->lookup(c->store, key, nkey, out);
    if (found == REPL_UNKNOWN)
        core_store_failed(c, "look up a key");
    return found;
}

enum repl_answer core_scan_next(struct repl_core *c, struct repl_scan *scan,
                                struct repl_item *out)
{
    enum repl_answer next = c->store_ops->scan_next(c->store, scan, out);
    if (next == REPL_UNKNOWN)
        core_store_failed(c, "continue a scan of its items");
    return next;
}
