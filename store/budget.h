/*
 * The bytes that a store may occupy: a limit, and the bytes charged against it. Callers
 * that allocate memory check first (budget_unspent). A charge itself never fails: growth
 * of the hash table cannot wait, so those who allocate next pay for it. Any thread.
 */
#ifndef STORE_BUDGET_H
#define STORE_BUDGET_H

#include <stdatomic.h>
#include <stddef.h>

struct budget {
    _Atomic size_t limit;
    _Atomic size_t charged;
};

static inline size_t budget_limit(const struct budget *b)
{
    return atomic_load_explicit(&b->limit, memory_order_relaxed);
}

static inline void budget_charge(struct budget *b, size_t bytes)
{
    atomic_fetch_add_explicit(&b->charged, bytes, memory_order_relaxed);
}

static inline void budget_credit(struct budget *b, size_t bytes)
{
    atomic_fetch_sub_explicit(&b->charged, bytes, memory_order_relaxed);
}

/* Bytes not charged yet; 0 if more than the limit is charged. */
static inline size_t budget_unspent(const struct budget *b)
{
    size_t charged = atomic_load_explicit(&b->charged, memory_order_relaxed);
    size_t limit = budget_limit(b);
    return charged < limit ? limit - charged : 0;
}

#endif
