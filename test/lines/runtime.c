/*
 * The thread sanitizer's runtime, replaced by one that only counts: the compiler calls it
 * at each access to memory, and it notes the cache line, the thread and the place in a
 * file (touches.h). A thread's own stack is left out.
 *
 * The C library is not compiled with it, so --wrap leads our calls of it here: those that
 * move bytes, the lock of a mutex, and reads from a socket. Each thread is told that it
 * has a processor for itself, so that threads share what is a processor's only if they
 * also would on a machine of many processors.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/lines/touches.h"

#define HERE ((uintptr_t)__builtin_return_address(0))

enum access { WRITTEN, READ };

static struct touches *touches;

/* ---- threads */

static _Thread_local struct {
    uint32_t bit; /* 0: not known yet */
    uintptr_t stack, stack_end;
} self;

static void learn_stack(void)
{
    pthread_attr_t attributes;
    void *stack = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        abort();
    pthread_attr_getstack(&attributes, &stack, &size);
    pthread_attr_destroy(&attributes);
    self.stack = (uintptr_t)stack;
    self.stack_end = self.stack + size;
}

static uint32_t own_bit(void)
{
    if (self.bit != 0 || touches == NULL)
        return self.bit;
    uint32_t number = atomic_fetch_add(&touches->nthreads, 1);
    if (number >= THREADS_MAX)
        abort();
    atomic_store(&touches->tids[number], gettid());
    learn_stack();
    self.bit = 1u << number;
    return self.bit;
}

/* ---- the rows */

/* Is the value there, perhaps put there now because the room was free? */
static bool takes(_Atomic uint64_t *room, uint64_t value)
{
    uint64_t found = atomic_load_explicit(room, memory_order_relaxed);
    if (found == 0 && atomic_compare_exchange_strong(room, &found, value))
        return true;
    return found == value;
}

static struct touched_line *row_of(uint64_t line)
{
    uint64_t at = line / LINE_BYTES * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    for (unsigned n = 0; n < LINES_MAX; n++) {
        struct touched_line *row = &touches->lines[(at + n) % LINES_MAX];
        if (takes(&row->address, line))
            return row;
    }
    return NULL;
}

static void add_place(struct touched *t, uint64_t place)
{
    for (unsigned i = 0; i < PLACES_MAX; i++) {
        if (takes(&t->places[i], place))
            return;
    }
    atomic_store(&t->more, 1);
}

static void add_thread(_Atomic uint32_t *threads)
{
    uint32_t bit = own_bit();
    if ((atomic_load_explicit(threads, memory_order_relaxed) & bit) == 0)
        atomic_fetch_or(threads, bit);
}

static void note_line(uint64_t line, enum access access, uintptr_t place)
{
    struct touched_line *row = row_of(line);
    if (row == NULL) {
        atomic_fetch_add(&touches->lost, 1);
        return;
    }
    struct touched *t = access == WRITTEN ? &row->written : &row->read;
    add_thread(&t->threads);
    add_place(t, place);
}

static void note(const volatile void *from, size_t n, enum access access, uintptr_t place)
{
    uintptr_t at = (uintptr_t)from;
    if (touches == NULL || n == 0 ||
        atomic_load_explicit(&touches->counting, memory_order_relaxed) == 0)
        return;
    (void)own_bit(); /* and the stack */
    if (at >= self.stack && at < self.stack_end)
        return;
    if (access == WRITTEN)
        add_thread(&touches->writers);
    for (uintptr_t line = at & ~(uintptr_t)(LINE_BYTES - 1); line < at + n;
         line += LINE_BYTES)
        note_line(line, access, place);
}

__attribute__((constructor(101))) static void open_touches(void)
{
    const char *path = getenv("MCD_TOUCHES");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at =
        mmap(NULL, sizeof(struct touches), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        touches = at;
}

/* ---- what the compiler calls */

void __tsan_init(void)
{
}

void __tsan_func_entry(const void *place)
{
    (void)place;
}

void __tsan_func_exit(void)
{
}

void __tsan_read_range(const void *at, size_t n)
{
    note(at, n, READ, HERE);
}

void __tsan_write_range(const void *at, size_t n)
{
    note(at, n, WRITTEN, HERE);
}

#define ACCESS(name, bytes, access)                                                      \
    void __tsan_##name(const void *at)                                                   \
    {                                                                                    \
        note(at, bytes, access, HERE);                                                   \
    }
/* clang has names of their own for those that may not be aligned. */
#define ACCESSES(bytes)                                                                  \
    ACCESS(read##bytes, bytes, READ)                                                     \
    ACCESS(write##bytes, bytes, WRITTEN)                                                 \
    ACCESS(unaligned_read##bytes, bytes, READ)                                           \
    ACCESS(unaligned_write##bytes, bytes, WRITTEN)
ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

/* Always in the strictest order: what the program asks for is at most that. */
#define CHANGE(bits, change)                                                             \
    uint##bits##_t __tsan_atomic##bits##_##change(volatile uint##bits##_t *at,           \
                                                  uint##bits##_t value, int order)       \
    {                                                                                    \
        (void)order;                                                                     \
        note(at, sizeof(*at), WRITTEN, HERE);                                            \
        return CHANGE_##change(at, value);                                               \
    }
#define CHANGE_exchange(at, value)  __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST)
#define CHANGE_fetch_add(at, value) __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST)
#define CHANGE_fetch_sub(at, value) __atomic_fetch_sub(at, value, __ATOMIC_SEQ_CST)
#define CHANGE_fetch_and(at, value) __atomic_fetch_and(at, value, __ATOMIC_SEQ_CST)
#define CHANGE_fetch_or(at, value)  __atomic_fetch_or(at, value, __ATOMIC_SEQ_CST)

/* One that fails has taken the line all the same. */
#define COMPARE(bits, kind)                                                              \
    int __tsan_atomic##bits##_compare_exchange_##kind(                                   \
        volatile uint##bits##_t *at, uint##bits##_t *expected, uint##bits##_t wanted,    \
        int order, int order_if_not)                                                     \
    {                                                                                    \
        (void)order, (void)order_if_not;                                                 \
        note(at, sizeof(*at), WRITTEN, HERE);                                            \
        return __atomic_compare_exchange_n(at, expected, wanted, 0, __ATOMIC_SEQ_CST,    \
                                           __ATOMIC_SEQ_CST);                            \
    }

#define ATOMIC(bits)                                                                     \
    uint##bits##_t __tsan_atomic##bits##_load(const volatile uint##bits##_t *at,         \
                                              int order)                                 \
    {                                                                                    \
        (void)order;                                                                     \
        note(at, sizeof(*at), READ, HERE);                                               \
        return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                    \
    }                                                                                    \
    void __tsan_atomic##bits##_store(volatile uint##bits##_t *at, uint##bits##_t value,  \
                                     int order)                                          \
    {                                                                                    \
        (void)order;                                                                     \
        note(at, sizeof(*at), WRITTEN, HERE);                                            \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                   \
    }                                                                                    \
    CHANGE(bits, exchange)                                                               \
    CHANGE(bits, fetch_add)                                                              \
    CHANGE(bits, fetch_sub)                                                              \
    CHANGE(bits, fetch_and)                                                              \
    CHANGE(bits, fetch_or)                                                               \
    COMPARE(bits, strong)                                                                \
    COMPARE(bits, weak)                                                                  \
    uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                           \
        volatile uint##bits##_t *at, uint##bits##_t expected, uint##bits##_t wanted,     \
        int order, int order_if_not)                                                     \
    {                                                                                    \
        (void)order, (void)order_if_not;                                                 \
        note(at, sizeof(*at), WRITTEN, HERE);                                            \
        __atomic_compare_exchange_n(at, &expected, wanted, 0, __ATOMIC_SEQ_CST,          \
                                    __ATOMIC_SEQ_CST);                                   \
        return expected;                                                                 \
    }
ATOMIC(8)
ATOMIC(16)
ATOMIC(32)
ATOMIC(64)

void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- what our code calls */

#define WRAP(type, name, ...)                                                            \
    type __real_##name(__VA_ARGS__);                                                     \
    type __wrap_##name(__VA_ARGS__);                                                     \
    type __wrap_##name(__VA_ARGS__)

WRAP(void *, memcpy, void *to, const void *from, size_t n)
{
    note(from, n, READ, HERE);
    note(to, n, WRITTEN, HERE);
    return __real_memcpy(to, from, n);
}

WRAP(void *, memmove, void *to, const void *from, size_t n)
{
    note(from, n, READ, HERE);
    note(to, n, WRITTEN, HERE);
    return __real_memmove(to, from, n);
}

WRAP(void *, memset, void *at, int byte, size_t n)
{
    note(at, n, WRITTEN, HERE);
    return __real_memset(at, byte, n);
}

WRAP(int, memcmp, const void *a, const void *b, size_t n)
{
    note(a, n, READ, HERE);
    note(b, n, READ, HERE);
    return __real_memcmp(a, b, n);
}

WRAP(int, pthread_mutex_lock, pthread_mutex_t *lock)
{
    note(lock, sizeof(*lock), WRITTEN, HERE);
    return __real_pthread_mutex_lock(lock);
}

WRAP(int, pthread_mutex_unlock, pthread_mutex_t *lock)
{
    note(lock, sizeof(*lock), WRITTEN, HERE);
    return __real_pthread_mutex_unlock(lock);
}

WRAP(ssize_t, recv, int fd, void *to, size_t n, int flags)
{
    ssize_t got = __real_recv(fd, to, n, flags);
    note(to, got > 0 ? (size_t)got : 0, WRITTEN, HERE);
    return got;
}

WRAP(ssize_t, readv, int fd, const struct iovec *to, int n)
{
    ssize_t got = __real_readv(fd, to, n);
    size_t left = got > 0 ? (size_t)got : 0;
    for (int i = 0; i < n && left > 0; i++) {
        size_t part = left < to[i].iov_len ? left : to[i].iov_len;
        note(to[i].iov_base, part, WRITTEN, HERE);
        left -= part;
    }
    return got;
}

/* ---- a machine with a processor for each thread */

WRAP(int, sched_getcpu, void)
{
    uint32_t bit = own_bit();
    return bit != 0 ? __builtin_ctz(bit) : __real_sched_getcpu();
}

WRAP(long, sysconf, int what)
{
    return what == _SC_NPROCESSORS_CONF && touches != NULL ? THREADS_MAX
                                                           : __real_sysconf(what);
}
