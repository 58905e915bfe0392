/*
 * A store and its mirror, side by side in one process. The leading store's evictions and
 * reads are told to the other one, a batch at a time, as replication does it. The result
 * is the hit ratio of the mirror when it takes over. Long because half of it plays
 * replication for the two, and each test needs all of that.
 */
#include "base/check.h"
#include "store/mirror.h"
#include "test/unit/quick.h"
#include "test/unit/store_rig.h"
#include "test/unit/zipf.h"

/* Slack: the factor for margins that hold for caches of full size. */
#ifdef UNDER_SANITIZER
#define WHOLE "cache_size=2m"
#define HALF  "cache_size=1m"
enum { KEYS = 25000, REQUESTS = 30000, WINDOW = 3000, SLACK = 4 };
#else
#define WHOLE "cache_size=16m"
#define HALF  "cache_size=8m"
enum { KEYS = 200000, REQUESTS = 800000, WINDOW = 64000, SLACK = 1 };
#endif
enum { NKEY = 12, BATCH = 64, WINDOWS = 8, EVENTS_MAX = 1 << 16 };

struct note {
    char key[NKEY];
    struct engine_note note;
};

/* One node of the pair; the leader changes. */
static struct node {
    ENGINE_HANDLE_V1 *engine;
    pthread_mutex_t lock; /* guards the next two: the store's own thread evicts, too */
    struct note notes[EVENTS_MAX];
    unsigned nnotes;
} nodes[2] = { { .lock = PTHREAD_MUTEX_INITIALIZER },
               { .lock = PTHREAD_MUTEX_INITIALIZER } };
/* Keys that the mirror has asked for; keys that were set, to ship with the next batch. */
static char wanted[EVENTS_MAX][NKEY + 1], pending[BATCH][NKEY + 1];
static unsigned nwanted, npending;
static struct node *_Atomic lead, *mirror;
static unsigned told = ~0u; /* the kinds of notes that are passed on: 1 << kind */

static void on_note(void *context, const struct engine_note *note)
{
    struct node *n = context;
    CHECK(note->nkey == NKEY);
    AZ(pthread_mutex_lock(&n->lock));
    if (n == lead && n->nnotes < EVENTS_MAX && (told >> note->kind & 1)) {
        struct note *kept = &n->notes[n->nnotes++];
        memcpy(kept->key, note->key, NKEY);
        kept->note = *note;
    }
    AZ(pthread_mutex_unlock(&n->lock));
}

static ENGINE_HANDLE *handle_of(const struct node *n)
{
    return (ENGINE_HANDLE *)n->engine;
}

static void start(struct node *n, const char *config)
{
    ENGINE_ERROR_CODE error;
    n->nnotes = 0;
    n->engine = fake_engine_create(host, store_create_instance, config, &error);
    ck_assert_ptr_nonnull(n->engine);
    mirror_rows.subscribe(handle_of(n), on_note, n);
}

static void take_the_lead(struct node *n)
{
    lead = n;
    mirror = n == &nodes[0] ? &nodes[1] : &nodes[0];
    mirror_rows.follow(handle_of(lead), false);
    mirror_rows.follow(handle_of(mirror), true);
}

static void start_pair(const char *lead_config, const char *mirror_config)
{
    host = fake_host_create();
    cookie = fake_cookie_create(host);
    start(&nodes[0], lead_config);
    start(&nodes[1], mirror_config);
    take_the_lead(&nodes[0]);
}

/* Engines stay until the host ends, because it keeps their callbacks. */
static ENGINE_HANDLE_V1 *retired;

static void stop_pair(void)
{
    fake_cookie_destroy(cookie);
    fake_engine_destroy(nodes[0].engine);
    fake_engine_destroy(nodes[1].engine);
    if (retired != NULL)
        fake_engine_destroy(retired);
    retired = NULL;
    nwanted = npending = 0;
    fake_host_destroy(host);
}

/* ---- the part of replication */

/* The mirror asks for the key, and gets it a little later. */
static void want(const char *key)
{
    if (nwanted < EVENTS_MAX)
        memcpy(wanted[nwanted++], key, NKEY);
}

/* Takes the next note; if there is none, all have been told and there is room again. */
static bool take_note(struct node *n, unsigned i, struct note *taken)
{
    AZ(pthread_mutex_lock(&n->lock));
    bool is_one = i < n->nnotes;
    if (is_one)
        *taken = n->notes[i];
    else
        n->nnotes = 0;
    AZ(pthread_mutex_unlock(&n->lock));
    taken->note.key = taken->key;
    return is_one;
}

/* Called with no lock held: the mirror evicts because of it, and tells that, too. */
static void tell(void)
{
    struct note n;

    for (unsigned i = 0; take_note(lead, i, &n); i++)
        if (!mirror_rows.repeat(handle_of(mirror), &n.note))
            want(n.key);
}

static void ship(const char *key, bool with_age)
{
    item *it, *to;
    item_info info = { .nvalue = 1 }, copy = { .nvalue = 1 };
    if (mirror_rows.peek(handle_of(lead), cookie, &it, key, NKEY) != ENGINE_SUCCESS)
        return;
    item_credit credit = mirror_rows.credit(handle_of(lead), it, with_age);
    CHECK(lead->engine->get_item_info(handle_of(lead), cookie, it, &info));
    CHECK(mirror_rows.allocate(handle_of(mirror), cookie, &to, key, NKEY, info.nbytes,
                               info.flags, 0, credit) == ENGINE_SUCCESS);
    CHECK(mirror->engine->get_item_info(handle_of(mirror), cookie, to, &copy));
    memcpy(copy.value[0].iov_base, info.value[0].iov_base, info.nbytes);
    CHECK(mirror_rows.store(handle_of(mirror), cookie, to, info.cas, credit,
                            OPERATION_SET) == ENGINE_SUCCESS);
    mirror->engine->release(handle_of(mirror), cookie, to);
    lead->engine->release(handle_of(lead), cookie, it);
}

/* ---- the part of the clients */

static size_t size_of(uint32_t key)
{
    return 40 + key * 2654435761u % 400;
}

static void pass_on(void)
{
    tell();
    while (nwanted > 0)
        ship(wanted[--nwanted], false);
    for (unsigned i = 0; i < npending; i++)
        ship(pending[i], false);
    npending = 0;
}

static void name_of(uint32_t key, char text[NKEY + 1])
{
    snprintf(text, NKEY + 1, "key-%08u", key);
}

static bool request(uint32_t key)
{
    ENGINE_HANDLE *h = handle_of(lead);
    char text[NKEY + 1];
    uint64_t cas;
    item *it;

    name_of(key, text);
    if (lead->engine->get(h, cookie, &it, text, NKEY, 0) == ENGINE_SUCCESS) {
        lead->engine->release(h, cookie, it);
        return true;
    }
    CHECK(lead->engine->allocate(h, cookie, &it, text, NKEY, size_of(key), 0, 0) ==
          ENGINE_SUCCESS);
    CHECK(lead->engine->store(h, cookie, it, &cas, OPERATION_SET, 0) == ENGINE_SUCCESS);
    lead->engine->release(h, cookie, it);
    memcpy(pending[npending++], text, sizeof(text));
    if (npending == BATCH)
        pass_on();
    return false;
}

static bool holds(const struct node *n, uint32_t key)
{
    char text[NKEY + 1];
    item *it;
    name_of(key, text);
    if (mirror_rows.peek(handle_of(n), cookie, &it, text, NKEY) != ENGINE_SUCCESS)
        return false;
    n->engine->release(handle_of(n), cookie, it);
    return true;
}

/* ---- loads */

struct load {
    struct zipf zipf;
    unsigned scan; /* every scan-th request is for a key that never returns; 0: none */
    uint32_t n, once;
};

static uint32_t next_key(struct load *l)
{
    if (l->scan != 0 && l->n++ % l->scan == 0)
        return KEYS + l->once++;
    return zipf_next(&l->zipf);
}

static double run(struct load *l, unsigned requests)
{
    unsigned hits = 0;
    for (unsigned i = 0; i < requests; i++)
        hits += request(next_key(l));
    return (double)hits / requests;
}

/* The hit ratios of both now, for the same requests. */
static void ask_both(const struct load *l, double *of_lead, double *of_mirror)
{
    struct load same = *l;
    unsigned hits[2] = { 0, 0 };
    pass_on();
    for (unsigned i = 0; i < WINDOW; i++) {
        uint32_t key = next_key(&same);
        hits[0] += holds(lead, key);
        hits[1] += holds(mirror, key);
    }
    *of_lead = (double)hits[0] / WINDOW;
    *of_mirror = (double)hits[1] / WINDOW;
}

/* Counts the leader's items that the mirror does not have, and the reverse, among the
 * keys that return. */
static void count_differences(uint32_t keys, unsigned *missing, unsigned *extra)
{
    *missing = *extra = 0;
    for (uint32_t k = 0; k < keys; k++) {
        bool here = holds(lead, k), there = holds(mirror, k);
        *missing += here && !there;
        *extra += there && !here;
    }
}

static uint64_t number_of(const struct node *n, const char *name)
{
    return fake_stat_number(n->engine, cookie, NULL, name);
}

/* Copies a store as replication does: in the iterator's order, with notes and changes in
 * between. A step without an item is not the end. */
static void copy_all(void)
{
    const void *scanner = fake_cookie_create(host);
    ENGINE_HANDLE *h = handle_of(lead);
    TAP_ITERATOR next = lead->engine->get_tap_iterator(h, scanner, "copy", 4, 0, NULL, 0);
    item_info info = { .nvalue = 1 };
    char text[NKEY + 1] = "";
    void *specific;
    uint16_t nspecific, flags, vbucket;
    uint8_t ttl;
    uint32_t seqno;
    tap_event_t event;
    item *it;

    while ((event = next(h, scanner, &it, &specific, &nspecific, &ttl, &flags, &seqno,
                         &vbucket)) != TAP_DISCONNECT) {
        if (event != TAP_MUTATION)
            continue;
        CHECK(lead->engine->get_item_info(h, scanner, it, &info));
        memcpy(text, info.key, NKEY);
        lead->engine->release(h, scanner, it);
        ship(text, true);
    }
    fake_cookie_destroy(scanner);
}

struct outcome {
    double before, lead,
        mirror;   /* hit ratios; the last two are those when the mirror takes over */
    double after; /* of the worst window after that */
};

static void say(const char *what, const struct outcome *o)
{
    unsigned missing, extra;

    count_differences(KEYS, &missing, &extra);
    printf("%s: before %.4f, at the fail-over %.4f and %.4f (%u items missing, %u extra, "
           "%.2f moved per set)\n",
           what, o->before, o->lead, o->mirror, missing, extra,
           (double)number_of(mirror, "items_moved") /
               (double)number_of(mirror, "total_items"));
}

static struct outcome fail_over(struct load *l, const char *what)
{
    struct outcome o = { .after = 1 };

    o.before = run(l, WINDOW * 4);
    ask_both(l, &o.lead, &o.mirror);
    say(what, &o);
    take_the_lead(mirror);
    for (unsigned i = 0; i < WINDOWS; i++) {
        double ratio = run(l, WINDOW);
        o.after = ratio < o.after ? ratio : o.after;
    }
    printf("    worst window after: %.4f\n", o.after);
    return o;
}

static void warm(const struct outcome *o)
{
    ck_assert_msg(o->mirror >= (1 - 0.01 * SLACK) * o->lead, "%.4f, not %.4f", o->mirror,
                  o->lead);
    ck_assert_msg(o->after >= (1 - 0.02 * SLACK) * o->before, "%.4f, not %.4f", o->after,
                  o->before);
}

static void load_init(struct load *l, double skew, unsigned scan)
{
    *l = (struct load){ .scan = scan };
    zipf_init(&l->zipf, skew, KEYS);
}

static struct outcome try_load(const char *what, double skew, unsigned scan)
{
    struct load l;

    load_init(&l, skew, scan);
    start_pair(WHOLE, WHOLE);
    run(&l, REQUESTS);
    struct outcome o = fail_over(&l, what);
    stop_pair();
    zipf_fini(&l.zipf);
    return o;
}

START_TEST(takes_over_warm)
{
    struct outcome o = try_load("skew 0.7", 0.7, 0);
    warm(&o);
    o = try_load("skew 1.0", 1.0, 0);
    warm(&o);
}
END_TEST

START_TEST(takes_over_warm_from_scans)
{
    struct outcome o = try_load("skew 1.0, a third comes once", 1.0, 3);
    warm(&o);
}
END_TEST

/* The effect of each kind of note. The figures are in doc/store.md. */
START_TEST(each_kind_of_note_counts)
{
    static const struct {
        const char *what;
        unsigned told;
    } rows[] = {
        { "told nothing", 0 },
        { "told what is read", 1 << NOTE_READ },
        { "told what is evicted", 1 << NOTE_EVICTED },
        { "told what is evicted and read", 1 << NOTE_EVICTED | 1 << NOTE_READ },
        { "told what is evicted and kept", 1 << NOTE_EVICTED | 1 << NOTE_KEPT },
        { "told all", ~0u },
    };
    struct outcome o = { 0 };

    for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
        double before = o.mirror;
        told = rows[i].told;
        o = try_load(rows[i].what, 0.9, 0);
        if (told == ~0u)
            ck_assert(o.mirror >= before - 0.005);
    }
    told = ~0u;
}
END_TEST

/* A new mirror gets a copy, in the order of the hash table, while clients continue. */
START_TEST(a_copy_is_warm)
{
    struct load l;

    load_init(&l, 1.0, 3);
    start_pair(WHOLE, WHOLE);
    run(&l, REQUESTS);
    pass_on();
    retired = mirror->engine;
    mirror_rows.subscribe(handle_of(mirror), NULL, NULL);
    start(mirror, WHOLE);
    take_the_lead(lead);
    copy_all();
    struct outcome o = fail_over(&l, "copied");
    warm(&o);
    stop_pair();
    zipf_fini(&l.zipf);
}
END_TEST

/* It keeps what a store of its size would keep. */
START_TEST(a_smaller_mirror_keeps_the_best)
{
    struct load l;
    double there, alone;

    load_init(&l, 1.0, 0);
    start_pair(HALF, HALF);
    run(&l, REQUESTS);
    alone = run(&l, WINDOW * 4);
    stop_pair();
    zipf_fini(&l.zipf);
    load_init(&l, 1.0, 0);
    start_pair(WHOLE, HALF);
    mirror_rows.sample(handle_of(lead), 2);
    run(&l, REQUESTS);
    struct outcome o = fail_over(&l, "half the memory");
    there = o.mirror;
    printf("    a store of that size: %.4f\n", alone);
    ck_assert_msg(there >= (1 - 0.03 * SLACK) * alone, "%.4f, not %.4f", there, alone);
    stop_pair();
    zipf_fini(&l.zipf);
}
END_TEST

START_TEST(stays_warm_when_the_lead_changes_often)
{
    struct load l;

    load_init(&l, 1.0, 3);
    start_pair(WHOLE, WHOLE);
    run(&l, REQUESTS);
    for (unsigned i = 0; i < 10; i++) {
        struct outcome o = { .before = run(&l, WINDOW) };
        ask_both(&l, &o.lead, &o.mirror);
        take_the_lead(mirror);
        o.after = run(&l, WINDOW);
        warm(&o);
    }
    stop_pair();
    zipf_fini(&l.zipf);
}
END_TEST

int main(void)
{
    const TTest *tests[] = {
        takes_over_warm,
        takes_over_warm_from_scans,
        a_copy_is_warm,
        a_smaller_mirror_keeps_the_best,
        stays_warm_when_the_lead_changes_often,
        each_kind_of_note_counts, /* in small caches the differences are too small */
    };
    return unit_run("store_mirror", tests, quick(N_ELEMENTS(tests) - (SLACK > 1), 2));
}
