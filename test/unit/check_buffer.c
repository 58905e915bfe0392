#include "base/buffer.h"

#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/unit.h"

START_TEST(test_bytes_come_out_as_they_went_in)
{
    struct buffer b;
    buffer_init(&b);
    ck_assert(buffer_append(&b, "hello ", 6));
    ck_assert(buffer_append(&b, "world", 5));
    ck_assert_uint_eq(buffer_length(&b), 11);
    ck_assert(memcmp(buffer_head(&b), "hello world", 11) == 0);
    buffer_consume(&b, 6);
    ck_assert(memcmp(buffer_head(&b), "world", 5) == 0);
    buffer_fini(&b);
    ck_assert_ptr_null(b.data);
}
END_TEST

START_TEST(test_empty_buffer_rewinds)
{
    struct buffer b;
    buffer_init(&b);
    ck_assert(buffer_append(&b, "abc", 3));
    size_t room = buffer_room(&b);
    buffer_consume(&b, 3);
    ck_assert_uint_eq(buffer_room(&b), room + 3);
    buffer_fini(&b);
}
END_TEST

/* A pipelining client: there is always a little unread data. The space must be reused. */
START_TEST(test_steady_stream_does_not_grow)
{
    struct buffer b;
    char in = 0, out = 0;
    buffer_init(&b);
    ck_assert(buffer_append(&b, &in, 1));
    in++;
    for (int i = 0; i < 100000; i++) {
        ck_assert(buffer_append(&b, &in, 1));
        in++;
        ck_assert_int_eq(*buffer_head(&b), out++);
        buffer_consume(&b, 1);
    }
    ck_assert_uint_le(b.size, 512);
    buffer_fini(&b);
}
END_TEST

START_TEST(test_growth_keeps_contents)
{
    struct buffer b;
    buffer_init(&b);
    for (unsigned i = 0; i < 50000; i++)
        ck_assert(buffer_append(&b, &i, sizeof(i)));
    for (unsigned i = 0, got; i < 50000; i++) {
        memcpy(&got, buffer_head(&b), sizeof(got));
        ck_assert_uint_eq(got, i);
        buffer_consume(&b, sizeof(got));
    }
    buffer_fini(&b);
}
END_TEST

START_TEST(test_reserve_and_commit)
{
    struct buffer b;
    buffer_init(&b);
    char *room = buffer_reserve(&b, 1000);
    ck_assert_ptr_nonnull(room);
    ck_assert_uint_ge(buffer_room(&b), 1000);
    memset(room, 'x', 1000);
    buffer_commit(&b, 1000);
    ck_assert_uint_eq(buffer_length(&b), 1000);
    ck_assert_ptr_nonnull(buffer_reserve(&b, 0));
    buffer_fini(&b);
}
END_TEST

/* A backlog that is filled and drained in small steps: the bytes must not be moved at
 * each of them. The addresses show how often they were moved. */
START_TEST(test_a_long_backlog_is_seldom_moved)
{
    enum { BACKLOG = 1 << 20, STEPS = 100000, STEP = 64 };
    struct buffer b;
    char bytes[STEP] = { 0 };
    unsigned moves = 0;
    buffer_init(&b);
    while (buffer_length(&b) < BACKLOG)
        ck_assert(buffer_append(&b, bytes, STEP));
    for (unsigned i = 0; i < STEPS; i++) {
        buffer_consume(&b, STEP);
        const char *before = buffer_head(&b);
        ck_assert(buffer_append(&b, bytes, STEP));
        moves += before != buffer_head(&b);
    }
    ck_assert_uint_le(moves, 2 + STEPS * STEP / BACKLOG);
    ck_assert_uint_le(b.size, 4 * BACKLOG);
    buffer_fini(&b);
}
END_TEST

START_TEST(test_absurd_size_is_refused)
{
    struct buffer b;
    buffer_init(&b);
    ck_assert(buffer_append(&b, "kept", 4));
    ck_assert_ptr_null(buffer_reserve(&b, SIZE_MAX));
    ck_assert_ptr_null(buffer_reserve(&b, SIZE_MAX / 2));
    ck_assert_uint_eq(buffer_length(&b), 4);
    ck_assert(memcmp(buffer_head(&b), "kept", 4) == 0);
    buffer_fini(&b);
}
END_TEST

START_TEST(test_trim_gives_back_only_large_and_empty)
{
    struct buffer b;
    buffer_init(&b);
    ck_assert_ptr_nonnull(buffer_reserve(&b, 100000));
    ck_assert(buffer_append(&b, "x", 1));
    buffer_trim(&b, 4096);
    ck_assert_uint_ge(b.size, 100000);
    buffer_consume(&b, 1);
    buffer_trim(&b, 4096);
    ck_assert_uint_eq(b.size, 0);
    ck_assert(buffer_append(&b, "y", 1));
    buffer_consume(&b, 1);
    buffer_trim(&b, 4096);
    ck_assert_uint_gt(b.size, 0);
    buffer_fini(&b);
}
END_TEST

/* Our own bugs must stop the process, in every build. */
START_TEST(test_overrun_is_a_failed_check)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct buffer b;
        buffer_init(&b);
        if (freopen("/dev/null", "w", stderr) != NULL)
            buffer_consume(&b, 1);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_bytes_come_out_as_they_went_in,
        test_empty_buffer_rewinds,
        test_steady_stream_does_not_grow,
        test_growth_keeps_contents,
        test_reserve_and_commit,
        test_a_long_backlog_is_seldom_moved,
        test_absurd_size_is_refused,
        test_trim_gives_back_only_large_and_empty,
        test_overrun_is_a_failed_check,
    };
    return unit_run("buffer", tests, N_ELEMENTS(tests));
}
