#include "store/lock.h"

#include <sched.h>

enum { SPINS = 64 };

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

void spin_wait(spin_lock *lock)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(lock, memory_order_relaxed) == 0)
            return;
        relax();
    }
    sched_yield();
}
