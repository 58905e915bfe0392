/* Long because the tables of requests and of keys change together, under one lock. */
#include "repl/waiters.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "protocol/link_message.h"

enum {
    REMEMBERED_US = 1000000, /* longer than a host takes to make a call again */
};

struct wanted {
    uint64_t hash;
    struct waiter_list waiters;
    bool is_sent, is_overdue, is_coming;
    uint32_t batch; /* the batch in which it was sent */
    LIST_ENTRY(wanted) chain;
    TAILQ_ENTRY(wanted) line;
    uint16_t nkey;
    char key[LINK_KEY_MAX];
};

struct waiter {
    const void *who;
    uint64_t hash, until_us;
    struct waiter_line *in;
    struct wanted *wanted; /* what it waits for, or NULL */
    LIST_ENTRY(waiter) chain, beside;
    TAILQ_ENTRY(waiter) line;
};

/* ---- life */

static void make_free(struct waiters *w)
{
    LIST_INIT(&w->free_wanted);
    LIST_INIT(&w->free_waiters);
    for (size_t i = WANTED_MAX; i-- > 0 && w->wanted_room != NULL;)
        LIST_INSERT_HEAD(&w->free_wanted, &w->wanted_room[i], chain);
    for (size_t i = WAITERS_MAX; i-- > 0;)
        LIST_INSERT_HEAD(&w->free_waiters, &w->waiter_room[i], chain);
}

bool waiters_init(struct waiters *w, uint64_t patience_us,
                  const struct repl_requests *requests,
                  const struct siphash_secret *secret)
{
    *w = (struct waiters){ .patience_us = patience_us,
                           .requests = *requests,
                           .secret = *secret };
    AZ(pthread_mutex_init(&w->lock, NULL));
    TAILQ_INIT(&w->unsent);
    TAILQ_INIT(&w->sent);
    TAILQ_INIT(&w->waiting);
    TAILQ_INIT(&w->let_go);
    TAILQ_INIT(&w->held);
    TAILQ_INIT(&w->unheld);
    if (patience_us != 0) {
        w->wanted_room = calloc(WANTED_MAX, sizeof(*w->wanted_room));
        w->by_hash = calloc(WAITERS_CHAINS, sizeof(*w->by_hash));
    }
    w->waiter_room = calloc(WAITERS_MAX, sizeof(*w->waiter_room));
    w->by_who = calloc(WAITERS_CHAINS, sizeof(*w->by_who));
    if (w->waiter_room == NULL || w->by_who == NULL ||
        (patience_us != 0 && (w->wanted_room == NULL || w->by_hash == NULL)))
        return false;
    make_free(w);
    return true;
}

void waiters_fini(struct waiters *w)
{
    waiters_end(w, 0);
    waiters_release(w, 0);
    free(w->wanted_room);
    free(w->waiter_room);
    free(w->by_hash);
    free(w->by_who);
    AZ(pthread_mutex_destroy(&w->lock));
}

/* ---- keys; locked */

static struct wanted *wanted_find(struct waiters *w, uint64_t hash, const void *key,
                                  size_t nkey)
{
    struct wanted *k = LIST_FIRST(&w->by_hash[hash % WAITERS_CHAINS]);
    for (; k != NULL; k = LIST_NEXT(k, chain)) {
        if (k->hash == hash && k->nkey == nkey && memcmp(k->key, key, nkey) == 0)
            return k;
    }
    return NULL;
}

static bool wanted_has_room(const struct waiters *w, size_t nkey)
{
    return !LIST_EMPTY(&w->free_wanted) && nkey > 0 && nkey <= LINK_KEY_MAX;
}

static struct wanted *wanted_add(struct waiters *w, uint64_t hash, const void *key,
                                 size_t nkey)
{
    struct wanted *k = LIST_FIRST(&w->free_wanted);
    LIST_REMOVE(k, chain);
    *k = (struct wanted){ .hash = hash, .nkey = (uint16_t)nkey };
    memcpy(k->key, key, nkey);
    LIST_INSERT_HEAD(&w->by_hash[hash % WAITERS_CHAINS], k, chain);
    TAILQ_INSERT_TAIL(&w->unsent, k, line);
    atomic_fetch_add_explicit(&w->nwanted, 1, memory_order_relaxed);
    atomic_fetch_add(&w->nunsent, 1);
    return k;
}

static void wanted_remove(struct waiters *w, struct wanted *k)
{
    TAILQ_REMOVE(k->is_sent ? &w->sent : &w->unsent, k, line);
    LIST_REMOVE(k, chain);
    LIST_INSERT_HEAD(&w->free_wanted, k, chain);
    atomic_fetch_sub_explicit(&w->noverdue, k->is_overdue, memory_order_relaxed);
    atomic_fetch_sub(&w->nunsent, !k->is_sent);
    atomic_fetch_sub_explicit(&w->nwanted, 1, memory_order_relaxed);
}

/* ---- requests; locked */

static struct waiter_list *chain_of(struct waiters *w, const void *who)
{
    return &w->by_who[siphash(&w->secret, &who, sizeof(who)) % WAITERS_CHAINS];
}

static struct waiter *waiter_find(struct waiters *w, const void *who)
{
    struct waiter *at = LIST_FIRST(chain_of(w, who));
    for (; at != NULL; at = LIST_NEXT(at, chain)) {
        if (at->who == who)
            return at;
    }
    return NULL;
}

static void waiter_line_up(struct waiter *at, struct waiter_line *in, uint64_t until_us)
{
    at->in = in;
    at->until_us = until_us;
    TAILQ_INSERT_TAIL(in, at, line);
}

/* Remove it from its line, and from its key's list if it waits for one. */
static void waiter_unline(struct waiter *at)
{
    if (at->in != NULL)
        TAILQ_REMOVE(at->in, at, line);
    if (at->wanted != NULL)
        LIST_REMOVE(at, beside);
    at->in = NULL;
    at->wanted = NULL;
}

static void waiter_remove(struct waiters *w, struct waiter *at)
{
    waiter_unline(at);
    LIST_REMOVE(at, chain);
    LIST_INSERT_HEAD(&w->free_waiters, at, chain);
}

/* Of those that are only remembered, the one that has been for longest. */
static struct waiter *oldest_memory(struct waiters *w)
{
    return !TAILQ_EMPTY(&w->let_go) ? TAILQ_FIRST(&w->let_go) : TAILQ_FIRST(&w->unheld);
}

/* Reserves it, too. NULL: there is no room, or it cannot be put off. */
static struct waiter *waiter_add(struct waiters *w, const void *who)
{
    if (LIST_EMPTY(&w->free_waiters) && oldest_memory(w) != NULL)
        waiter_remove(w, oldest_memory(w));
    struct waiter *at = LIST_FIRST(&w->free_waiters);
    if (at == NULL || !w->requests.reserve(w->requests.context, who))
        return NULL;
    LIST_REMOVE(at, chain);
    *at = (struct waiter){ .who = who };
    LIST_INSERT_HEAD(chain_of(w, who), at, chain);
    return at;
}

static void resume(const struct waiters *w, const void *who)
{
    w->requests.resume(w->requests.context, who);
}

static void resume_with(struct waiters *w, struct waiter *at)
{
    const void *who = at->who;
    waiter_remove(w, at);
    resume(w, who);
}

/* Remembered in this line. */
static void resume_without(struct waiters *w, struct waiter *at, struct waiter_line *in,
                           uint64_t now_us)
{
    waiter_unline(at);
    waiter_line_up(at, in, now_us + REMEMBERED_US);
    resume(w, at->who);
}

static void give_up(struct waiters *w, struct wanted *k, uint64_t now_us)
{
    while (!LIST_EMPTY(&k->waiters))
        resume_without(w, LIST_FIRST(&k->waiters), &w->let_go, now_us);
    wanted_remove(w, k);
}

/* ---- any thread */

/* Has this request already waited, for this key or for a handover? If it waited for
 * another key before, forget that. */
static bool has_waited(struct waiters *w, const void *who, uint64_t hash, uint64_t now_us)
{
    struct waiter *at = waiter_find(w, who);
    if (at == NULL)
        return false;
    bool was_same = at->in == &w->unheld || at->hash == hash;
    if (at->in == &w->waiting ||
        (was_same && at->until_us > now_us)) /* mutant: fetch-waits-again */
        return true;
    waiter_remove(w, at);
    return false;
}

static bool ask(struct waiters *w, const void *who, uint64_t hash, const void *key,
                size_t nkey, uint64_t now_us)
{
    if (has_waited(w, who, hash, now_us) || waiters_are_vain(w))
        return false;
    struct wanted *k = wanted_find(w, hash, key, nkey);
    if (k == NULL && !wanted_has_room(w, nkey))
        return false;
    struct waiter *at = waiter_add(w, who);
    if (at == NULL)
        return false;
    at->wanted = k != NULL ? k : wanted_add(w, hash, key, nkey);
    at->hash = hash;
    LIST_INSERT_HEAD(&at->wanted->waiters, at, beside);
    waiter_line_up(at, &w->waiting, now_us + w->patience_us);
    return true;
}

bool waiters_ask(struct waiters *w, const void *who, const void *key, size_t nkey,
                 uint64_t now_us)
{
    if (w->patience_us == 0)
        return false;
    uint64_t hash = siphash(&w->secret, key, nkey);
    AZ(pthread_mutex_lock(&w->lock));
    bool waits = ask(w, who, hash, key, nkey, now_us);
    AZ(pthread_mutex_unlock(&w->lock));
    return waits;
}

bool waiters_forget(struct waiters *w, const void *who)
{
    bool waited = false;
    AZ(pthread_mutex_lock(&w->lock));
    struct waiter *at = waiter_find(w, who);
    if (at != NULL) {
        waited = at->in == &w->waiting || at->in == &w->held;
        waiter_remove(w, at);
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return waited;
}

/* ---- held requests */

bool waiters_hold(struct waiters *w, const void *who)
{
    AZ(pthread_mutex_lock(&w->lock));
    struct waiter *at = waiter_find(w, who);
    if (at != NULL)
        waiter_remove(w, at); /* what it waited for before counts no more */
    at = waiter_add(w, who);
    if (at != NULL)
        waiter_line_up(at, &w->held, 0);
    AZ(pthread_mutex_unlock(&w->lock));
    return at != NULL;
}

void waiters_release(struct waiters *w, uint64_t now_us)
{
    struct waiter *at;
    AZ(pthread_mutex_lock(&w->lock));
    while ((at = TAILQ_FIRST(&w->held)) != NULL)
        resume_without(w, at, &w->unheld, now_us);
    AZ(pthread_mutex_unlock(&w->lock));
}

bool waiters_was_held(struct waiters *w, const void *who, uint64_t now_us)
{
    bool was_held = false;
    AZ(pthread_mutex_lock(&w->lock));
    struct waiter *at = waiter_find(w, who);
    if (at != NULL && at->in == &w->unheld) {
        was_held = at->until_us > now_us;
        waiter_remove(w, at);
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return was_held;
}

/* ---- the replication thread */

bool waiters_take(struct waiters *w, uint32_t batch, const void **key, size_t *nkey)
{
    AZ(pthread_mutex_lock(&w->lock));
    struct wanted *k = TAILQ_FIRST(&w->unsent);
    if (k != NULL) {
        TAILQ_REMOVE(&w->unsent, k, line);
        TAILQ_INSERT_TAIL(&w->sent, k, line);
        k->is_sent = true;
        k->batch = batch;
        *key = k->key;
        *nkey = k->nkey;
        atomic_fetch_sub(&w->nunsent, 1);
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return k != NULL;
}

bool waiters_found(struct waiters *w, const void *key, size_t nkey)
{
    bool was_sent = false;
    if (!waiters_want(w))
        return false;
    uint64_t hash = siphash(&w->secret, key, nkey);
    AZ(pthread_mutex_lock(&w->lock));
    struct wanted *k = wanted_find(w, hash, key, nkey);
    if (k != NULL) {
        was_sent = k->is_sent;
        while (!LIST_EMPTY(&k->waiters))
            resume_with(w, LIST_FIRST(&k->waiters));
        wanted_remove(w, k);
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return was_sent;
}

static void wanted_is_coming(struct waiters *w, struct wanted *k)
{
    atomic_fetch_sub_explicit(&w->noverdue, k->is_overdue, memory_order_relaxed);
    k->is_overdue = false;
    k->is_coming = true;
}

void waiters_coming(struct waiters *w, const void *key, size_t nkey)
{
    uint64_t hash = siphash(&w->secret, key, nkey);
    AZ(pthread_mutex_lock(&w->lock));
    struct wanted *k = wanted_find(w, hash, key, nkey);
    if (k != NULL && k->is_sent)
        wanted_is_coming(w, k);
    AZ(pthread_mutex_unlock(&w->lock));
}

void waiters_came(struct waiters *w, const void *key, size_t nkey, uint64_t now_us)
{
    uint64_t hash = siphash(&w->secret, key, nkey);
    AZ(pthread_mutex_lock(&w->lock));
    struct wanted *k = wanted_find(w, hash, key, nkey);
    if (k != NULL && k->is_coming)
        give_up(w, k, now_us);
    AZ(pthread_mutex_unlock(&w->lock));
}

void waiters_answered(struct waiters *w, uint32_t batch, uint64_t now_us)
{
    struct wanted *next;
    if (!waiters_want(w))
        return;
    AZ(pthread_mutex_lock(&w->lock));
    struct wanted *k = TAILQ_FIRST(&w->sent);
    for (; k != NULL && (int32_t)(batch - k->batch) >= 0; k = next) {
        next = TAILQ_NEXT(k, line);
        if (!k->is_coming)
            give_up(w, k, now_us);
    }
    AZ(pthread_mutex_unlock(&w->lock));
}

void waiters_unsend(struct waiters *w)
{
    struct wanted *k;
    if (!waiters_want(w))
        return;
    AZ(pthread_mutex_lock(&w->lock));
    while ((k = TAILQ_LAST(&w->sent, wanted_line)) != NULL) {
        TAILQ_REMOVE(&w->sent, k, line);
        TAILQ_INSERT_HEAD(&w->unsent, k, line);
        k->is_sent = k->is_coming = false;
        atomic_fetch_add(&w->nunsent, 1);
    }
    AZ(pthread_mutex_unlock(&w->lock));
}

void waiters_end(struct waiters *w, uint64_t now_us)
{
    struct wanted *k;
    if (!waiters_want(w))
        return;
    AZ(pthread_mutex_lock(&w->lock));
    while ((k = TAILQ_FIRST(&w->sent)) != NULL || (k = TAILQ_FIRST(&w->unsent)) != NULL)
        give_up(w, k, now_us);
    AZ(pthread_mutex_unlock(&w->lock));
}

unsigned waiters_expire(struct waiters *w, uint64_t now_us)
{
    struct waiter *at;
    unsigned n = 0;
    if (!waiters_want(w))
        return 0;
    AZ(pthread_mutex_lock(&w->lock));
    while ((at = TAILQ_FIRST(&w->waiting)) != NULL && at->until_us <= now_us) {
        struct wanted *k = at->wanted;
        CHECK(k != NULL); /* as of all that are waiting */
        if (!k->is_overdue && !k->is_coming) {
            atomic_fetch_add_explicit(&w->noverdue, 1, memory_order_relaxed);
            k->is_overdue = true;
        }
        resume_without(w, at, &w->let_go, now_us);
        n++;
    }
    AZ(pthread_mutex_unlock(&w->lock));
    return n;
}

uint64_t waiters_due_us(struct waiters *w)
{
    if (!waiters_want(w))
        return 0;
    AZ(pthread_mutex_lock(&w->lock));
    const struct waiter *at = TAILQ_FIRST(&w->waiting);
    uint64_t due = at != NULL ? at->until_us : 0;
    AZ(pthread_mutex_unlock(&w->lock));
    return due;
}
