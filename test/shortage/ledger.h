/*
 * A file that the shim and the runner (ledger.py, which knows this layout) map. The
 * runner orders which calls fail. While `counting`, the shim counts all calls of a kind
 * by the place that made them.
 *
 *   runner: orders, counting = 1 ........ counting = 0, reads calls, failed, sites
 *   shim:          counts, fails calls [first, first + number) of the kind, at the site
 *                  if one is named
 */
#ifndef TEST_SHORTAGE_LEDGER_H
#define TEST_SHORTAGE_LEDGER_H

#include <stdatomic.h>
#include <stdint.h>

enum kind {
#define KIND(name, text) KIND_##name,
#include "test/shortage/kinds.h"
#undef KIND
    KINDS
};

enum { SITES_MAX = 1024, MODULE_ROOM = 32 };

/* A place that makes calls: the return address, as an offset in its module. */
struct site {
    _Atomic uint64_t address; /* 0: free */
    uint64_t offset;
    _Atomic uint32_t calls, failed;
    uint32_t kind;
    _Atomic uint32_t is_known; /* the rest of the row is filled in */
    char module[MODULE_ROOM];
};

struct ledger {
    /* Written by the runner. */
    _Atomic uint32_t counting;
    uint32_t kind;          /* the kind that fails; KINDS: none */
    uint64_t first, number; /* `number` calls fail from the first-th on, counted from 1 */
    uint64_t offset;        /* only at this site; 0: at any */
    char module[MODULE_ROOM];
    /* Written by the shim. */
    _Atomic uint64_t matching; /* calls that match the order */
    _Atomic uint64_t blocks;   /* of memory, allocated and not freed */
    _Atomic uint64_t calls[KINDS], failed[KINDS];
    struct site sites[SITES_MAX];
};

#endif
