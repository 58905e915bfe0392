/*
 * LD_PRELOADed into a node: counts its calls to the system, by kind and place, and makes
 * them fail if the ledger says so. Only calls of the node's own objects and of libevent
 * count. The C library also makes calls on their behalf, but it ends the process itself
 * if memory is exhausted (nss_database.c does, when a user is looked up), and so does the
 * dynamic linker. Long because each call that may fail is a function here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "test/shortage/ledger.h"

#define HERE ((uint64_t)(uintptr_t)__builtin_return_address(0))

/* The real function of a library behind the shim, looked up once. */
#define REAL(name)                                                                       \
    static __typeof__(name) *_Atomic real_##name;                                        \
    if (real_##name == NULL)                                                             \
    real_##name = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static struct ledger *ledger;

/* ---- identifying the call */

static bool is_own(const char *module)
{
    static const char *const own[] = { "mcd", "default_engine.so", "repl_engine.so",
                                       "libevent" };
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (strncmp(module, own[i], strlen(own[i])) == 0)
            return true;
    }
    return false;
}

static void describe(struct site *site, uint64_t address, enum kind kind)
{
    Dl_info info = { 0 };
    (void)dladdr((void *)(uintptr_t)address, &info);
    const char *slash = info.dli_fname != NULL ? strrchr(info.dli_fname, '/') : NULL;
    const char *module = slash != NULL ? slash + 1 : info.dli_fname;
    site->offset = address - (uint64_t)(uintptr_t)info.dli_fbase;
    site->kind = kind;
    strncpy(site->module, module != NULL ? module : "?", MODULE_ROOM - 1);
    atomic_store(&site->is_known, is_own(site->module) ? 1 : 2);
}

/* NULL: the call does not count. */
static struct site *find_site(uint64_t address, enum kind kind)
{
    uint64_t key = address ^ (uint64_t)kind
                                 << 56; /* a function may make calls of two kinds */
    for (uint64_t at = key * 0x9E3779B97F4A7C15u >> 54, n = 0; n < SITES_MAX; at++, n++) {
        struct site *site = &ledger->sites[at % SITES_MAX];
        uint64_t found = 0;
        if (atomic_compare_exchange_strong(&site->address, &found, key))
            describe(site, address, kind);
        else if (found != key)
            continue;
        while (atomic_load(&site->is_known) == 0)
            continue; /* another thread is filling it in */
        return atomic_load(&site->is_known) == 1 ? site : NULL;
    }
    return NULL;
}

static bool is_meant(const struct site *site)
{
    return ledger->kind == site->kind &&
           (ledger->offset == 0 || (ledger->offset == site->offset &&
                                    strcmp(ledger->module, site->module) == 0));
}

/* Counts the call; true if it must fail. */
static bool fails(enum kind kind, uint64_t address)
{
    if (ledger == NULL || !atomic_load(&ledger->counting))
        return false;
    int error = errno;
    struct site *site = find_site(address, kind);
    errno = error;
    if (site == NULL)
        return false;
    atomic_fetch_add(&ledger->calls[kind], 1);
    atomic_fetch_add(&site->calls, 1);
    if (!is_meant(site))
        return false;
    uint64_t n = atomic_fetch_add(&ledger->matching, 1) + 1;
    if (n < ledger->first || n - ledger->first >= ledger->number)
        return false;
    atomic_fetch_add(&ledger->failed[kind], 1);
    atomic_fetch_add(&site->failed, 1);
    return true;
}

/* The result of a failed call, with the reason in errno. */
#define NO(error, value) (errno = (error), (value))

/* Runs before libraries that allocate when they are loaded. */
__attribute__((constructor(101))) static void open_ledger(void)
{
    const char *path = getenv("MCD_SHORTAGE");
    int fd =
        path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = (void *)syscall(SYS_mmap, 0L, sizeof(struct ledger),
                               PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (at != MAP_FAILED)
        ledger = at;
}

/* ---- malloc */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *at);

static void *counted(void *block)
{
    if (block != NULL && ledger != NULL)
        atomic_fetch_add(&ledger->blocks, 1);
    return block;
}

void *malloc(size_t n)
{
    return fails(KIND_MALLOC, HERE) ? NO(ENOMEM, NULL) : counted(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
    return fails(KIND_MALLOC, HERE) ? NO(ENOMEM, NULL) : counted(__libc_calloc(n, size));
}

void *realloc(void *old, size_t n)
{
    if (fails(KIND_MALLOC, HERE))
        return NO(ENOMEM, NULL);
    void *block = __libc_realloc(old, n);
    return old == NULL ? counted(block) : block;
}

void free(void *at)
{
    if (at != NULL && ledger != NULL)
        atomic_fetch_sub(&ledger->blocks, 1);
    __libc_free(at);
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return fails(KIND_MALLOC, HERE) ? NO(ENOMEM, NULL)
                                    : counted(__libc_memalign(alignment, n));
}

int posix_memalign(void **block, size_t alignment, size_t n)
{
    void *got = fails(KIND_MALLOC, HERE) ? NULL : counted(__libc_memalign(alignment, n));
    if (got == NULL)
        return ENOMEM;
    *block = got;
    return 0;
}

char *strdup(const char *text)
{
    size_t n = strlen(text) + 1;
    char *copy = fails(KIND_MALLOC, HERE) ? NO(ENOMEM, NULL) : counted(__libc_malloc(n));
    return copy != NULL ? memcpy(copy, text, n) : NULL;
}

/* ---- address space */

void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    REAL(mmap);
    return fails(KIND_MMAP, HERE) ? NO(ENOMEM, MAP_FAILED)
                                  : real_mmap(at, n, protection, flags, fd, offset);
}

void *mremap(void *old, size_t n, size_t wanted, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    void *at = flags & MREMAP_FIXED ? va_arg(ap, void *) : NULL;
    va_end(ap);
    REAL(mremap);
    return fails(KIND_MREMAP, HERE) ? NO(ENOMEM, MAP_FAILED)
                                    : real_mremap(old, n, wanted, flags, at);
}

int munmap(void *at, size_t n)
{
    REAL(munmap);
    return fails(KIND_MUNMAP, HERE) ? NO(ENOMEM, -1) : real_munmap(at, n);
}

int madvise(void *at, size_t n, int advice)
{
    REAL(madvise);
    return fails(KIND_MADVISE, HERE) ? NO(ENOMEM, -1) : real_madvise(at, n, advice);
}

/* ---- descriptors */

/* Only adding a descriptor needs memory of the kernel. */
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    REAL(epoll_ctl);
    if (what == EPOLL_CTL_ADD && fails(KIND_EPOLL_CTL, HERE))
        return NO(ENOSPC, -1);
    return real_epoll_ctl(epoll, what, fd, event);
}

int eventfd(unsigned count, int flags)
{
    REAL(eventfd);
    return fails(KIND_EVENTFD, HERE) ? NO(EMFILE, -1) : real_eventfd(count, flags);
}

int epoll_create1(int flags)
{
    REAL(epoll_create1);
    return fails(KIND_EVENTFD, HERE) ? NO(EMFILE, -1) : real_epoll_create1(flags);
}

int pipe2(int ends[2], int flags)
{
    REAL(pipe2);
    return fails(KIND_EVENTFD, HERE) ? NO(EMFILE, -1) : real_pipe2(ends, flags);
}

int accept(int fd, struct sockaddr *restrict from, socklen_t *restrict n)
{
    REAL(accept);
    return fails(KIND_ACCEPT, HERE) ? NO(EMFILE, -1) : real_accept(fd, from, n);
}

int accept4(int fd, struct sockaddr *restrict from, socklen_t *restrict n, int flags)
{
    REAL(accept4);
    return fails(KIND_ACCEPT, HERE) ? NO(EMFILE, -1) : real_accept4(fd, from, n, flags);
}

int socket(int family, int type, int protocol)
{
    REAL(socket);
    return fails(KIND_SOCKET, HERE) ? NO(EMFILE, -1)
                                    : real_socket(family, type, protocol);
}

int socketpair(int family, int type, int protocol, int ends[2])
{
    REAL(socketpair);
    return fails(KIND_SOCKET, HERE) ? NO(EMFILE, -1)
                                    : real_socketpair(family, type, protocol, ends);
}

int open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    REAL(open);
    return fails(KIND_OPEN, HERE) ? NO(EMFILE, -1) : real_open(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    REAL(fopen);
    return fails(KIND_OPEN, HERE) ? NO(EMFILE, NULL) : real_fopen(path, mode);
}

/* The other names, used by objects with large file offsets. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));
void *mmap64(void *at, size_t n, int protection, int flags, int fd, off_t offset)
    __attribute__((alias("mmap")));

/* ---- io_uring: as liburing tells it, without errno */

struct io_uring;
struct io_uring_params;
struct io_uring_buf_reg;

int io_uring_queue_init_params(unsigned n, struct io_uring *io,
                               struct io_uring_params *p);
int io_uring_register_buf_ring(struct io_uring *io, struct io_uring_buf_reg *place,
                               unsigned flags);
int io_uring_submit_and_wait(struct io_uring *io, unsigned n);
int io_uring_submit_and_get_events(struct io_uring *io);

int io_uring_queue_init_params(unsigned n, struct io_uring *io, struct io_uring_params *p)
{
    REAL(io_uring_queue_init_params);
    return fails(KIND_IO_URING, HERE) ? -ENOMEM
                                      : real_io_uring_queue_init_params(n, io, p);
}

int io_uring_register_buf_ring(struct io_uring *io, struct io_uring_buf_reg *place,
                               unsigned flags)
{
    REAL(io_uring_register_buf_ring);
    return fails(KIND_IO_URING, HERE) ? -ENOMEM
                                      : real_io_uring_register_buf_ring(io, place, flags);
}

/* mcd starts its rings itself. */
long syscall(long number, ...)
{
    long a[6];
    va_list ap;
    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    REAL(syscall);
    if (number == SYS_io_uring_register && fails(KIND_IO_URING, HERE))
        return NO(ENOMEM, -1);
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int io_uring_submit_and_wait(struct io_uring *io, unsigned n)
{
    REAL(io_uring_submit_and_wait);
    return fails(KIND_IO_URING, HERE) ? -EAGAIN : real_io_uring_submit_and_wait(io, n);
}

int io_uring_submit_and_get_events(struct io_uring *io)
{
    REAL(io_uring_submit_and_get_events);
    return fails(KIND_IO_URING, HERE) ? -ENOMEM : real_io_uring_submit_and_get_events(io);
}

/* ---- write */

/* A socket may lack buffers, a file may lack space. An eventfd write cannot fail so. */
static bool write_fails(int fd, uint64_t address)
{
    int type, before = errno;
    struct stat found;
    socklen_t n = sizeof(type);
    if (ledger == NULL || !atomic_load(&ledger->counting))
        return false;
    bool is_socket = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0;
    bool is_known =
        is_socket || (fstat(fd, &found) == 0 && (found.st_mode & S_IFMT) != 0);
    errno = before;
    if (!is_known || !fails(KIND_WRITE, address))
        return false;
    errno = is_socket ? ENOBUFS : ENOSPC;
    return true;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    REAL(write);
    return write_fails(fd, HERE) ? -1 : real_write(fd, bytes, n);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    REAL(writev);
    return write_fails(fd, HERE) ? -1 : real_writev(fd, iov, n);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
    REAL(send);
    return write_fails(fd, HERE) ? -1 : real_send(fd, bytes, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    REAL(sendmsg);
    return write_fails(fd, HERE) ? -1 : real_sendmsg(fd, m, flags);
}

ssize_t sendto(int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
               socklen_t nto)
{
    REAL(sendto);
    return write_fails(fd, HERE) ? -1 : real_sendto(fd, bytes, n, flags, to, nto);
}

/* ---- threads */

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict arg)
{
    REAL(pthread_create);
    return fails(KIND_PTHREAD_CREATE, HERE)
               ? EAGAIN
               : real_pthread_create(thread, attributes, run, arg);
}
