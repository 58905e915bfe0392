#include "repl/thread.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "repl/control.h"
#include "repl/slices.h"

/* While changes are frequent, the thread sleeps by the clock after shipping, so that
 * changes and acknowledgements gather: a batch then holds many changes, and nobody pays
 * for a wake-up. It sleeps twice as long each time, so the end of a short burst is not
 * late, but not to gather more than PLENTY, and as long as one change comes in each
 * PAYS_US. A change that comes after a pause is shipped at once (prompt.c). */
enum { LINGER_LEAST_US = 50, LINGER_MOST_US = 500, PAYS_US = 100, FREQUENT_US = 600 };
enum { PLENTY = 384 };

/* Meanwhile the link is read without asking for events; all others wait for so long. */
enum { EVENTS_US = 2000 };

/* The longest pause between ticks, even if heartbeats are rarer: a tick dials the peer
 * and lets go clients that wait for a handover, and the thread looks whether it must
 * end. */
enum { TICK_MAX_US = 100000 };

/* ---- the loop */

static void on_woken(evutil_socket_t fd, short what, void *arg)
{
    uint64_t count;
    (void)what, (void)arg;
    (void)!read(fd, &count, sizeof(count));
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct repl_thread *t = arg;
    uint64_t now = monotonic_us();
    (void)fd, (void)what;
    repl_core_lock(t->core);
    repl_core_tick(t->core, now);
    alive_tick(t, now);
    listen_tick(t);
    proof_tick(t, now);
    handshake_tick(t, now);
    manager_tick(t, now);
    repl_core_unlock(t->core);
    control_tick(t->control);
}

/* Set the alarm for a request that has waited long enough, a handover that takes too
 * long, or the next dial; core LOCKED. An alarm that goes off too early does no
 * harm. */
static void set_alarm(struct repl_thread *t)
{
    uint64_t due = repl_core_due_us(t->core), now = monotonic_us();
    bool dials = t->session == NULL && t->dial_at_us > now;
    if (dials && (due == 0 || due > t->dial_at_us))
        due = t->dial_at_us;
    bool is_set = event_pending(t->alarm, EV_TIMEOUT, NULL);
    if (due == 0 || (is_set && t->alarm_us <= due))
        return;
    t->alarm_us = due;
    uint64_t us = due > now ? due - now : 0;
    const struct timeval wait = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
    event_add(t->alarm, &wait);
}

/* When the next round of work is due. */
enum next { NEXT_AT_ONCE, NEXT_SOON, NEXT_EVENT };

static void note_progress(void *context)
{
    struct repl_thread *t = context;
    t->progress = true;
}

/* Tell the clients of the control socket. */
static void tell(struct repl_thread *t, unsigned face, bool progress)
{
    if (face != t->face)
        control_news(t->control);
    t->face = face;
    if (progress)
        control_progress(t->control);
}

/* How long to linger now, after so long a pause has gathered n changes. */
static unsigned next_linger(unsigned us, uint64_t n)
{
    if (us == 0)
        return LINGER_LEAST_US;
    if (n >= PLENTY)
        return us > 2 * LINGER_LEAST_US ? us / 2 : LINGER_LEAST_US;
    if (n >= PLENTY / 2)
        return us;
    return us < LINGER_MOST_US / 2 ? 2 * us : LINGER_MOST_US;
}

static enum next pace(struct repl_thread *t)
{
    uint64_t n = repl_core_counters(t->core)->shipped - t->shipped_before;
    if (n == 0)
        return NEXT_EVENT;
    uint64_t now = monotonic_us(), last = t->shipped_at_us;
    t->shipped_before += n;
    t->shipped_at_us = now;
    bool pays = t->linger_us > 0 ? n * PAYS_US >= t->linger_us : now - last < FREQUENT_US;
    if (!pays)
        return NEXT_EVENT;
    t->linger_us = next_linger(t->linger_us, n);
    return NEXT_SOON;
}

/* One round of work. */
static enum next thread_work(struct repl_thread *t)
{
    repl_core_lock(t->core);
    atomic_store(&t->sleeping,
                 false); /* also if a prompt change has just said otherwise */
    bool more = io_read_on(t, t->linger_us > 0);
    more = repl_core_work(t->core, monotonic_us()) || more;
    slots_flush(t);
    set_alarm(t);
    unsigned face = repl_core_face(t->core);
    bool progress = t->progress;
    t->progress = false;
    enum next next = more ? NEXT_AT_ONCE : pace(t);
    repl_core_unlock(t->core);
    tell(t, face, progress);
    return next;
}

static enum repl_need need(struct repl_thread *t)
{
    repl_core_lock(t->core);
    enum repl_need n = repl_core_need(t->core);
    set_alarm(t);
    repl_core_unlock(t->core);
    return n;
}

static void take_events(struct repl_thread *t, int flags)
{
    event_base_loop(t->base, flags);
    t->events_us = monotonic_us();
}

static void wait_for_events(struct repl_thread *t)
{
    int flags = EVLOOP_ONCE;
    t->linger_us = 0;
    /* A thread that records a change after this store sees `sleeping`; a change
     * recorded before it is seen by need(). If the peer takes no more now, changes need
     * not wake this thread. */
    atomic_store(&t->sleeping, true);
    enum repl_need n = need(t);
    if (n == NEED_WORK)
        flags |= EVLOOP_NONBLOCK;
    else if (n == NEED_PEER)
        atomic_store(&t->sleeping, false);
    take_events(t, flags);
    atomic_store(&t->sleeping, false);
}

static void linger(struct repl_thread *t)
{
    const struct timespec pause = { .tv_nsec = t->linger_us * 1000L };
    nanosleep(&pause, NULL);
    bool blocked = t->session != NULL && t->session->want_write;
    if (blocked || monotonic_us() - t->events_us >= EVENTS_US)
        take_events(t, EVLOOP_NONBLOCK);
}

static bool drained(struct repl_thread *t)
{
    repl_core_lock(t->core);
    bool idle = repl_core_drained(t->core);
    repl_core_unlock(t->core);
    return idle || monotonic_us() >= t->stop_by_us;
}

static void *thread_main(void *arg)
{
    struct repl_thread *t = arg;
    slices_be_short();
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* else it lingers for 50 us more */
    while (!atomic_load(&t->stop) || !drained(t)) {
        switch (thread_work(t)) {
        case NEXT_AT_ONCE:
            slices_give_way(&t->give_way_us);
            take_events(t, EVLOOP_NONBLOCK);
            break;
        case NEXT_SOON:
            linger(t);
            break;
        case NEXT_EVENT:
            wait_for_events(t);
            break;
        }
    }
    return NULL;
}

/* ---- life */

void repl_thread_init(struct repl_thread *t, struct repl_core *core,
                      const struct repl_thread_config *config)
{
    *t = (struct repl_thread){ .core = core, .config = *config, .wake_fd = -1 };
    repl_core_on_progress(core, note_progress, t);
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        t->slots[i].thread = t;
        link_init(&t->slots[i].link, config->store_ops, config->store);
    }
}

static bool make_events(struct repl_thread *t)
{
    struct event_config *config = event_config_new();
    if (config == NULL)
        return false;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    t->base = event_base_new_with_config(config);
    event_config_free(config);
    t->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->base == NULL || t->wake_fd < 0)
        return false;
    struct timeval period = { 0 };
    uint64_t us = repl_core_config(t->core)->times.heartbeat * UINT64_C(1000) / 4;
    if (us > TICK_MAX_US)
        us = TICK_MAX_US;
    period.tv_sec = (time_t)(us / 1000000);
    period.tv_usec = (suseconds_t)(us % 1000000);
    t->woken = event_new(t->base, t->wake_fd, EV_READ | EV_PERSIST, on_woken, t);
    t->tick = event_new(t->base, -1, EV_PERSIST, on_tick, t);
    t->alarm = event_new(t->base, -1, 0, on_tick, t);
    if (t->woken == NULL || t->tick == NULL || t->alarm == NULL ||
        event_add(t->woken, NULL) != 0 || event_add(t->tick, &period) != 0)
        return false;
    /* Dial the peer at once, unless it has dialled already. */
    return event_add(t->alarm, &(struct timeval){ 0, 0 }) == 0;
}

static void free_all(struct repl_thread *t)
{
    struct event *const events[] = { t->tick, t->alarm, t->woken };
    for (unsigned i = 0; i < REPL_SLOTS; i++)
        link_close(&t->slots[i].link);
    listen_close(t);
    control_close(t->control);
    t->control = NULL;
    for (unsigned i = 0; i < N_ELEMENTS(events); i++) {
        if (events[i] != NULL)
            event_free(events[i]);
    }
    secure_close(&t->secure);
    if (t->dns != NULL)
        evdns_base_free(t->dns, 1);
    if (t->base != NULL) {
        event_base_loop(t->base, EVLOOP_NONBLOCK); /* lets cancelled look-ups call back */
        event_base_free(t->base);
    }
    if (t->wake_fd >= 0)
        close(t->wake_fd);
    t->base = NULL;
    t->wake_fd = -1;
}

static bool open_control(struct repl_thread *t, char *why, size_t nwhy)
{
    if (t->config.control.path == NULL)
        return true;
    t->control = control_open(t, &t->config.control, why, nwhy);
    if (t->control != NULL || !t->config.control_is_optional)
        return t->control != NULL;
    loop_log(t, REPL_LOG_WARNING, "%s", why);
    return true;
}

bool repl_thread_start(struct repl_thread *t, char *why, size_t nwhy)
{
    sigset_t all, before;
    t->seed = (unsigned)monotonic_us() ^ (unsigned)getpid();
    if (!make_events(t)) {
        snprintf(why, nwhy, "cannot set up the replication thread: %s", strerror(errno));
        free_all(t);
        return false;
    }
    if (!handshake_open(t, io_event, why, nwhy) || !open_control(t, why, nwhy)) {
        free_all(t);
        return false;
    }
    repl_core_warm_up(t->core); /* before clients come, because it takes some time */
    t->started = true;          /* before the thread runs: others may read it at once */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&t->thread, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0) {
        snprintf(why, nwhy, "cannot start the replication thread: %s", strerror(error));
        t->started = false;
        free_all(t);
        return false;
    }
    (void)pthread_setname_np(t->thread, "replication"); /* for top and perf */
    return true;
}

void repl_thread_stop(struct repl_thread *t, unsigned drain_ms)
{
    if (!t->started)
        return;
    t->stop_by_us = monotonic_us() + (uint64_t)drain_ms * 1000;
    atomic_store(&t->stop, true);
    loop_wake(t);
    AZ(pthread_join(t->thread, NULL));
    t->started = false;
    repl_core_lock(t->core);
    if (t->session != NULL) {
        loop_log(t, REPL_LOG_INFO, "link to %s closed: this node shuts down",
                 t->session->name);
        slots_end(t, t->session, "this node shuts down");
    }
    repl_core_unlock(t->core);
    free_all(t);
}

uint16_t repl_thread_port_number(const struct repl_thread *t)
{
    return listen_port(t);
}

static bool is_shaking_hands(const struct repl_thread *t)
{
    for (unsigned i = 0; i < REPL_SLOTS; i++) {
        if (t->slots[i].link.fd >= 0 && !t->slots[i].link.connecting)
            return true;
    }
    return false;
}

void repl_thread_peer(struct repl_thread *t, char text[PEER_TEXT])
{
    repl_core_lock(t->core);
    memcpy(text, t->peer_text, PEER_TEXT);
    repl_core_unlock(t->core);
}

const char *repl_thread_link_state(const struct repl_thread *t)
{
    if (!t->started)
        return "off";
    repl_core_lock(t->core);
    bool shakes = is_shaking_hands(t);
    repl_core_unlock(t->core);
    return shakes ? "handshake" : "down";
}

int64_t repl_thread_certificate_end(const struct repl_thread *t)
{
    if (!t->started)
        return 0;
    repl_core_lock(t->core);
    int64_t end = t->secure.expires;
    repl_core_unlock(t->core);
    return end;
}
