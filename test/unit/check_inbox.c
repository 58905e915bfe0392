/*
 * The inbox of a worker: in order, each notice once, and no slower when it is full.
 */
#include "server/inbox.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "test/unit/unit.h"

enum { MANY = 200000 };

static struct inbox inbox;

static void begin(void)
{
    ck_assert(inbox_init(&inbox));
}

static bool is_awake(void)
{
    struct pollfd fd = { .fd = inbox.wake_fd, .events = POLLIN };
    return poll(&fd, 1, 0) == 1;
}

START_TEST(notices_come_out_oldest_first_with_their_latest_status)
{
    struct wakeup a = { 0 }, b = { 0 };
    struct mail mail;
    ENGINE_ERROR_CODE status;
    begin();
    ck_assert(!is_awake());
    ck_assert(inbox_notify(&inbox, &a, ENGINE_SUCCESS));
    ck_assert(inbox_notify(&inbox, &b, ENGINE_SUCCESS));
    ck_assert(!inbox_notify(&inbox, &a, ENGINE_TMPFAIL));
    ck_assert(is_awake());
    inbox_take(&inbox, &mail);
    ck_assert(!is_awake());
    ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &mail, &status), &a);
    ck_assert_int_eq(status, ENGINE_TMPFAIL);
    ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &mail, &status), &b);
    ck_assert_int_eq(status, ENGINE_SUCCESS);
    ck_assert_ptr_null(inbox_next_wakeup(&inbox, &mail, &status));
    inbox_fini(&inbox);
}
END_TEST

/* A notice that was taken but not read is still pending; one that was read is not. */
START_TEST(a_notice_can_come_again_while_the_others_are_read)
{
    struct wakeup a = { 0 }, b = { 0 };
    struct mail mail, next;
    ENGINE_ERROR_CODE status;
    begin();
    inbox_notify(&inbox, &a, ENGINE_SUCCESS);
    inbox_notify(&inbox, &b, ENGINE_SUCCESS);
    inbox_take(&inbox, &mail);
    ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &mail, &status), &a);
    ck_assert(inbox_notify(&inbox, &a, ENGINE_FAILED));
    ck_assert(!inbox_notify(&inbox, &b, ENGINE_TMPFAIL));
    ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &mail, &status), &b);
    ck_assert_int_eq(status, ENGINE_TMPFAIL);
    ck_assert_ptr_null(inbox_next_wakeup(&inbox, &mail, &status));
    ck_assert(is_awake());
    inbox_take(&inbox, &next);
    ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &next, &status), &a);
    ck_assert_int_eq(status, ENGINE_FAILED);
    ck_assert_ptr_null(inbox_next_wakeup(&inbox, &next, &status));
    inbox_fini(&inbox);
}
END_TEST

/* Searching the list for each would take minutes. */
START_TEST(many_notices_cost_no_more_each_than_one)
{
    struct wakeup *all = calloc(MANY, sizeof(*all));
    struct mail mail;
    ENGINE_ERROR_CODE status;
    begin();
    ck_assert_ptr_nonnull(all);
    for (size_t i = 0; i < MANY; i++)
        ck_assert(inbox_notify(&inbox, &all[i], ENGINE_SUCCESS));
    inbox_take(&inbox, &mail);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_ptr_eq(inbox_next_wakeup(&inbox, &mail, &status), &all[i]);
    free(all);
    inbox_fini(&inbox);
}
END_TEST

START_TEST(arrivals_are_handed_over_or_closed)
{
    struct mail mail;
    int fds[2];
    begin();
    AZ(pipe(fds));
    ck_assert(inbox_give(&inbox, fds[0], (struct entrance){ 0 }));
    inbox_take(&inbox, &mail);
    ck_assert_uint_eq(mail.narrivals, 1);
    ck_assert_int_eq(mail.arrivals[0].fd, fds[0]);
    ck_assert(!mail.arrivals[0].from.datagram && !mail.stop);
    free(mail.arrivals);
    ck_assert(inbox_give(&inbox, fds[1], (struct entrance){ .datagram = true }));
    inbox_stop(&inbox);
    inbox_fini(&inbox);
    ck_assert_int_ge(fcntl(fds[0], F_GETFD), 0);
    ck_assert_int_eq(fcntl(fds[1], F_GETFD), -1);
    close(fds[0]);
}
END_TEST

int main(void)
{
    const TTest *tests[] = { notices_come_out_oldest_first_with_their_latest_status,
                             a_notice_can_come_again_while_the_others_are_read,
                             many_notices_cost_no_more_each_than_one,
                             arrivals_are_handed_over_or_closed };
    return unit_run("inbox", tests, N_ELEMENTS(tests));
}
