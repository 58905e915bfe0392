/*
 * Refusals by the kernel and the allocator, as seen by a connection, the gate, the
 * journal and the options: each one has a result, and nothing is left behind.
 * check_store_pages does the same for the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/option.h"
#include "repl/gate.h"
#include "repl/journal.h"
#include "repl/link.h"
#include "test/unit/unit.h"

/* The linker calls these instead of the libraries' functions. */
int __real_event_add(struct event *event, const struct timeval *t);
int __real_event_del(struct event *event);
int __real_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __real_munmap(void *at, size_t n);
char *__real_strdup(const char *text);
long __real_syscall(long number, ...);
int __wrap_event_add(struct event *event, const struct timeval *t);
int __wrap_event_del(struct event *event);
int __wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *));
int __wrap_munmap(void *at, size_t n);
char *__wrap_strdup(const char *text);
long __wrap_syscall(long number, ...);

static struct {
    bool event_add, event_del, key, munmap, strdup;
    unsigned barriers; /* how many calls to refuse */
} no;

static bool refuse(bool so, int error)
{
    if (so)
        errno = error;
    return so;
}

int __wrap_event_add(struct event *event, const struct timeval *t)
{
    return refuse(no.event_add, ENOSPC) ? -1 : __real_event_add(event, t);
}

int __wrap_event_del(struct event *event)
{
    return refuse(no.event_del, ENOMEM) ? -1 : __real_event_del(event);
}

int __wrap_pthread_key_create(pthread_key_t *key, void (*end)(void *))
{
    return no.key ? EAGAIN : __real_pthread_key_create(key, end);
}

int __wrap_munmap(void *at, size_t n)
{
    return refuse(no.munmap, ENOMEM) ? -1 : __real_munmap(at, n);
}

char *__wrap_strdup(const char *text)
{
    return refuse(no.strdup, ENOMEM) ? NULL : __real_strdup(text);
}

/* The code under test uses this call only for barriers. */
long __wrap_syscall(long number, ...)
{
    va_list ap;
    va_start(ap, number);
    int command = va_arg(ap, int);
    va_end(ap);
    bool hold = number == SYS_membarrier && command != MEMBARRIER_CMD_QUERY;
    if (refuse(hold && no.barriers > 0, ENOMEM)) {
        no.barriers--;
        return -1;
    }
    return __real_syscall(number, command, 0, 0);
}

/* ---- a connection */

static const struct repl_store_ops no_store;
static struct event_base *base;
static struct link l;
static int pair[2];

static void no_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

static void setup(void)
{
    memset(&no, 0, sizeof(no));
    base = event_base_new();
    link_init(&l, &no_store, NULL);
    AZ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair));
}

static void teardown(void)
{
    link_close(&l);
    close(pair[1]);
    event_base_free(base);
}

static bool adopt(void)
{
    const struct address from = { .v4 = { .sin_family = AF_INET },
                                  .length = sizeof(struct sockaddr_in) };
    return link_adopt(&l, base, pair[0], &from, no_event, NULL);
}

static enum link_io write_until_full(void)
{
    static const char bytes[65536];
    uint64_t written = 0;
    enum link_io r;
    do
        ck_assert(buffer_append(&l.out.bytes, bytes, sizeof(bytes)));
    while ((r = link_write(&l, &written)) == LINK_IO_OK);
    return r;
}

START_TEST(test_a_connection_that_cannot_be_listened_to)
{
    no.event_add = true;
    ck_assert(!adopt());
    ck_assert_int_eq(errno, ENOSPC);
    ck_assert_int_eq(l.fd, -1);
    ck_assert_int_eq(fcntl(pair[0], F_GETFD), -1);
}
END_TEST

START_TEST(test_a_dial_that_cannot_be_waited_for)
{
    const struct address to = { .v4 = { .sin_family = AF_INET,
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                        .sin_port = htons(1) },
                                .length = sizeof(struct sockaddr_in) };
    no.event_add = true;
    ck_assert(!link_dial(&l, base, &to, NULL, no_event, NULL));
    ck_assert_int_eq(l.fd, -1);
    close(pair[0]);
}
END_TEST

START_TEST(test_no_word_when_there_is_room_again)
{
    ck_assert(adopt());
    no.event_add = true;
    ck_assert_int_eq(write_until_full(), LINK_IO_FAILED);
    ck_assert_int_eq(errno, ENOSPC);
}
END_TEST

START_TEST(test_reading_does_not_go_on)
{
    ck_assert(adopt());
    ck_assert(link_read_enable(&l, false));
    no.event_add = true;
    ck_assert(!link_read_enable(&l, true));
    no.event_add = false;
    ck_assert(link_read_enable(&l, true));
    no.event_del = true;
    ck_assert(!link_read_enable(&l, false));
}
END_TEST

/* ---- the gate and the journal */

START_TEST(test_barriers_are_asked_for_again)
{
    struct gate g;
    close(pair[0]);
    ck_assert(gate_init(&g));
    no.barriers = g.has_membarrier ? 5 : 0;
    gate_hold(&g);
    gate_release(&g, GATE_ACCEPTS);
    ck_assert_uint_eq(no.barriers, 0);
    ck_assert_uint_eq(gate_flags(&g), GATE_ACCEPTS);
    gate_fini(&g);
}
END_TEST

START_TEST(test_no_key_for_threads)
{
    struct gate g;
    close(pair[0]);
    no.key = true;
    ck_assert(!gate_init(&g));
    gate_fini(&g);
}
END_TEST

START_TEST(test_a_journal_that_stays_mapped)
{
    struct journal j;
    close(pair[0]);
    ck_assert(journal_init(&j, 1 << 20));
    char *memory = j.memory;
    size_t size = j.size;
    no.munmap = true;
    journal_fini(&j);
    AZ(__real_munmap(memory, size));
}
END_TEST

/* ---- options */

START_TEST(test_no_memory_for_a_preset)
{
    struct {
        char *text;
    } values = { 0 };
    const struct option_row row = { .name = "text",
                                    .type = OPTION_STRING,
                                    .preset = "a" };
    char why[80] = "";
    close(pair[0]);
    no.strdup = true;
    ck_assert(!option_defaults(&row, 1, &values, why, sizeof(why)));
    ck_assert_str_eq(why, "out of memory");
    no.strdup = false;
    ck_assert(option_defaults(&row, 1, &values, why, sizeof(why)));
    option_free(&row, 1, &values);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_a_connection_that_cannot_be_listened_to,
        test_a_dial_that_cannot_be_waited_for,
        test_no_word_when_there_is_room_again,
        test_reading_does_not_go_on,
        test_barriers_are_asked_for_again,
        test_no_key_for_threads,
        test_a_journal_that_stays_mapped,
        test_no_memory_for_a_preset,
    };
    return unit_run_with("refusal", setup, teardown, tests, N_ELEMENTS(tests));
}
