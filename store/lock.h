/*
 * A spin lock of one byte. Critical sections are a few dozen instructions. A waiter that
 * does not get the lock soon yields its processor, so that a holder that was preempted
 * can continue.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint8_t spin_lock;

/* Waits until the lock looks free. */
void spin_wait(spin_lock *lock);

static inline void spin_acquire(spin_lock *lock)
{
    while (atomic_exchange_explicit(lock, 1, memory_order_acquire) != 0)
        spin_wait(lock);
}

static inline int spin_try(spin_lock *lock)
{
    return atomic_exchange_explicit(lock, 1, memory_order_acquire) == 0;
}

static inline void spin_release(spin_lock *lock)
{
    atomic_store_explicit(lock, 0, memory_order_release);
}

#endif
