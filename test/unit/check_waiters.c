/* Waiters for keys: joined, bounded, resumed once, and not made to wait again. */
#include "repl/waiters.h"

#include <stdio.h>
#include <string.h>

#include "test/unit/flood.h"
#include "test/unit/unit.h"

enum { PATIENCE = 20000, MANY = WAITERS_MAX + 10 };

static const struct siphash_secret secret = { { 1, 2 } };
static struct waiters w;
static char people[MANY];
static unsigned resumed[MANY], nresumed;

static void resume(void *context, const void *who)
{
    ck_assert_ptr_eq(context, &w);
    resumed[(const char *)who - people]++;
    nresumed++;
}

static bool reserve(void *context, const void *who)
{
    ck_assert_ptr_eq(context, &w);
    return who != NULL;
}

static const struct repl_requests requests = { reserve, resume, &w };

static void setup(void)
{
    memset(resumed, 0, sizeof(resumed));
    nresumed = 0;
    ck_assert(waiters_init(&w, PATIENCE, &requests, &secret));
}

static void teardown(void)
{
    waiters_fini(&w);
}

static bool ask(unsigned who, const char *key, uint64_t now)
{
    return waiters_ask(&w, &people[who], key, strlen(key), now);
}

static bool found(const char *key)
{
    return waiters_found(&w, key, strlen(key));
}

/* Sends everything that is due in this batch; returns how many keys. */
static unsigned take_all(uint32_t batch)
{
    const void *key;
    size_t nkey;
    unsigned n = 0;
    while (waiters_take(&w, batch, &key, &nkey))
        n++;
    ck_assert(!waiters_have_unsent(&w));
    return n;
}

START_TEST(test_requests_for_a_key_are_joined)
{
    const void *key;
    size_t nkey;
    for (unsigned i = 0; i < 10; i++)
        ck_assert(ask(i, i < 7 ? "k" : "l", 100 + i));
    ck_assert(waiters_have_unsent(&w));
    ck_assert(waiters_take(&w, 1, &key, &nkey));
    ck_assert_uint_eq(nkey, 1);
    ck_assert_mem_eq(key, "k", 1);
    ck_assert_uint_eq(take_all(1), 1);
    ck_assert(ask(10, "k", 200)); /* the request is in flight already */
    ck_assert(!waiters_have_unsent(&w));
    ck_assert(found("k"));
    ck_assert(!found("k"));
    ck_assert_uint_eq(nresumed, 8);
    waiters_answered(&w, 1, 300);
    ck_assert_uint_eq(nresumed, 11);
    for (unsigned i = 0; i < 11; i++)
        ck_assert_uint_eq(resumed[i], 1);
    ck_assert(!waiters_want(&w));
}
END_TEST

/* A client that returns without the key continues; for another key, or later, it waits
 * again. */
START_TEST(test_nobody_waits_twice)
{
    ck_assert(ask(0, "k", 100));
    ck_assert(!ask(0, "k", 100)); /* a host that does not park */
    take_all(1);
    waiters_answered(&w, 1, 200);
    ck_assert(!ask(0, "k", 300));
    ck_assert(!ask(0, "k", 400)); /* a get and an add may be one request */
    ck_assert(ask(1, "k", 400));
    ck_assert(ask(0, "l", 500));
    ck_assert(found("l") == false); /* not even asked for yet */
    ck_assert(ask(0, "k", 600));
    ck_assert(found("k") == false);
    ck_assert(ask(0, "k", 700)); /* it arrived, and is gone again since */
    waiters_end(&w, 800);
    ck_assert(!ask(0, "k", 900));
    ck_assert(ask(0, "k", 5000000));
}
END_TEST

START_TEST(test_patience_ends)
{
    ck_assert_uint_eq(waiters_due_us(&w), 0);
    ck_assert(ask(0, "k", 100));
    ck_assert(ask(1, "k", 200));
    ck_assert_uint_eq(waiters_due_us(&w), PATIENCE + 100);
    ck_assert_uint_eq(waiters_expire(&w, PATIENCE + 99), 0);
    ck_assert_uint_eq(waiters_expire(&w, PATIENCE + 100), 1);
    ck_assert_uint_eq(nresumed, 1);
    ck_assert_uint_eq(waiters_due_us(&w), PATIENCE + 200);
    ck_assert(!ask(2, "l", PATIENCE + 150)); /* nobody waits behind one that timed out */
    ck_assert_uint_eq(waiters_expire(&w, PATIENCE + 300), 1);
    ck_assert_uint_eq(waiters_due_us(&w), 0);
    ck_assert_uint_eq(take_all(5),
                      1); /* sent nevertheless: the answer shows that the peer answers */
    ck_assert(!ask(2, "l", PATIENCE + 400));
    waiters_answered(&w, 4, PATIENCE + 500);
    ck_assert(!ask(2, "l", PATIENCE + 500));
    waiters_answered(&w, 5, PATIENCE + 600);
    ck_assert(ask(2, "l", PATIENCE + 600));
    ck_assert_uint_eq(nresumed, 2);
}
END_TEST

START_TEST(test_answers_come_in_order)
{
    for (unsigned i = 0; i < 3; i++) {
        ck_assert(ask(i, (const char *[]){ "a", "b", "c" }[i], i));
        take_all(UINT32_MAX - 1 + i); /* the number wraps around */
    }
    waiters_answered(&w, UINT32_MAX - 2, 10);
    ck_assert_uint_eq(nresumed, 0);
    waiters_answered(&w, UINT32_MAX, 10);
    ck_assert_uint_eq(resumed[0] + resumed[1], 2);
    ck_assert_uint_eq(resumed[2], 0);
    waiters_answered(&w, 0, 10);
    ck_assert_uint_eq(resumed[2], 1);
}
END_TEST

/* The roles move in between: everything is sent again, in the same order. */
START_TEST(test_sent_again)
{
    const void *key;
    size_t nkey;
    ck_assert(ask(0, "a", 1) && ask(1, "b", 1));
    take_all(7);
    ck_assert(ask(2, "c", 1));
    waiters_unsend(&w);
    ck_assert(waiters_take(&w, 1, &key, &nkey));
    ck_assert_mem_eq(key, "a", 1);
    ck_assert_uint_eq(take_all(1), 2);
    waiters_answered(&w, 1, 2);
    ck_assert_uint_eq(nresumed, 3);
}
END_TEST

START_TEST(test_who_goes_away_is_forgotten)
{
    ck_assert(!waiters_forget(&w, &people[0]));
    ck_assert(ask(0, "k", 1) && ask(1, "k", 1));
    ck_assert(waiters_forget(&w, &people[0]));
    ck_assert(!waiters_forget(&w, &people[0]));
    take_all(1);
    waiters_answered(&w, 1, 2);
    ck_assert_uint_eq(resumed[0], 0);
    ck_assert_uint_eq(resumed[1], 1);
    ck_assert(!waiters_forget(&w, &people[1]));
    ck_assert(ask(1, "k", 3)); /* it was only remembered, and counts as a new one now */
}
END_TEST

/* Keys and requests are limited; remembered ones make room. */
START_TEST(test_bounds)
{
    char key[20];
    for (unsigned i = 0; i <= WANTED_MAX; i++) {
        snprintf(key, sizeof(key), "key %u", i);
        ck_assert(ask(i, key, 1) == (i < WANTED_MAX));
    }
    for (unsigned i = WANTED_MAX + 1; i < WAITERS_MAX + 1; i++)
        ck_assert(ask(i, "key 7", 1));
    ck_assert(!ask(WAITERS_MAX + 1, "key 7", 1));
    waiters_end(&w, 2);
    ck_assert_uint_eq(nresumed, WAITERS_MAX);
    ck_assert(ask(WAITERS_MAX + 1, "key 7", 3));
    ck_assert(ask(WAITERS_MAX + 2, "key 7", 3));
}
END_TEST

/* Keys that a client has chosen to have one hash are spread nevertheless. */
START_TEST(test_chosen_keys_do_not_share_a_chain)
{
    char key[FLOOD_KEY];
    unsigned chains = 0;
    for (unsigned i = 0; i < WANTED_MAX; i++) {
        flood_key(key, i);
        ck_assert(waiters_ask(&w, &people[i], key, sizeof(key), 1));
    }
    for (unsigned i = 0; i < WAITERS_CHAINS; i++)
        chains += !LIST_EMPTY(&w.by_hash[i]);
    ck_assert_uint_gt(chains, WANTED_MAX / 2);
}
END_TEST

/* Each is resumed once, by the release or not at all, and remembered for a while. */
START_TEST(test_held_requests)
{
    ck_assert(waiters_hold(&w, &people[0]) && waiters_hold(&w, &people[1]));
    ck_assert(!waiters_hold(&w, NULL)); /* the host cannot put it off */
    ck_assert(ask(2, "k", 1));
    ck_assert(waiters_forget(&w, &people[1]));
    waiters_end(&w, 1); /* of those that wait for keys */
    ck_assert(resumed[0] == 0 && resumed[2] == 1);
    waiters_release(&w, 2);
    waiters_release(&w, 3);
    ck_assert(resumed[0] == 1 && resumed[1] == 0 && resumed[2] == 1);
    ck_assert(!ask(0, "k", 4)); /* made again, it goes on */
    ck_assert(waiters_was_held(&w, &people[0], 4));
    ck_assert(!waiters_was_held(&w, &people[0], 4));
    ck_assert(!waiters_was_held(&w, &people[1], 4) &&
              !waiters_was_held(&w, &people[2], 4));
    ck_assert(waiters_hold(&w, &people[0]));
    waiters_release(&w, 5);
    ck_assert(!waiters_was_held(&w, &people[0], 60000000));
}
END_TEST

START_TEST(test_more_held_than_there_is_room)
{
    for (unsigned i = 0; i < MANY; i++)
        ck_assert(waiters_hold(&w, &people[i]) == (i < WAITERS_MAX));
    waiters_release(&w, 1);
    ck_assert_uint_eq(nresumed, WAITERS_MAX);
    ck_assert(waiters_hold(&w, &people[MANY - 1])); /* what is remembered makes room */
}
END_TEST

START_TEST(test_switched_off)
{
    waiters_fini(&w);
    ck_assert(waiters_init(&w, 0, &requests, &secret));
    ck_assert(!ask(0, "k", 1));
    ck_assert(!found("k"));
    ck_assert(!waiters_forget(&w, &people[0]));
    waiters_answered(&w, 1, 1);
    waiters_unsend(&w);
    waiters_end(&w, 1);
    ck_assert_uint_eq(waiters_expire(&w, 1), 0);
    ck_assert(waiters_hold(&w, &people[0]));
    waiters_release(&w, 1);
    ck_assert(waiters_was_held(&w, &people[0], 2));
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        test_requests_for_a_key_are_joined,
        test_nobody_waits_twice,
        test_patience_ends,
        test_answers_come_in_order,
        test_sent_again,
        test_who_goes_away_is_forgotten,
        test_bounds,
        test_chosen_keys_do_not_share_a_chain,
        test_held_requests,
        test_more_held_than_there_is_room,
        test_switched_off,
    };
    return unit_run_with("waiters", setup, teardown, tests, N_ELEMENTS(tests));
}
