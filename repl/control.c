#include "repl/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "repl/clock.h"
#include "repl/thread.h"

enum {
    CLIENTS_MAX = 16,
    LINE_ROOM = 200,
    BACKLOG = 8,
    WATCH_US = 1000,         /* how often a handover is looked at */
    DRAIN_MAX_US = 30000000, /* how long a handover may take to ship what is owed */
    HOLD_MAX_US = 1000000,   /* and how long clients' changes may wait then */
};

struct client {
    struct control *control;
    struct bufferevent *stream; /* NULL: this place is free */
};

/* A handover is watched until it ends, also when whoever asked has gone. */
struct watch {
    struct event *timer; /* pending while one is under way */
    struct client *client;
    enum repl_handover_state shown;
    uint64_t since_us; /* it is in this state */
};

struct control {
    struct repl_thread *thread;
    struct watch watch;
    struct control_config config;
    struct sockaddr_un address;
    struct evconnlistener *listener;
    struct client clients[CLIENTS_MAX];
};

/* ---- answers */

static void answer(struct client *client, const char *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void answer(struct client *client, const char *kind, const char *format, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    evbuffer_add_printf(bufferevent_get_output(client->stream), "%s %s\n", kind, text);
}

static void emit_figure(void *context, const char *name, const char *value)
{
    answer(context, "STAT", "%s %s", name, value);
}

/* ---- commands; core LOCKED but for status */

static void do_status(struct client *client)
{
    const struct control_config *config = &client->control->config;
    config->figures(config->context, emit_figure, client);
    answer(client, "OK", "that is all");
}

static void do_health(struct client *client)
{
    struct repl_core *core = client->control->thread->core;
    char why[160];
    AZ(pthread_mutex_lock(&core->lock));
    bool fit = repl_core_health(core, why, sizeof(why));
    AZ(pthread_mutex_unlock(&core->lock));
    answer(client, fit ? "OK" : "NO", "%s", why);
}

static void do_promote(struct client *client)
{
    struct repl_core *core = client->control->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    bool was = core->active;
    repl_core_promote(core, "told to by the control socket");
    answer(client, "OK", "%s, reign %llu", was ? "active already" : "active now",
           (unsigned long long)core->reign);
    AZ(pthread_mutex_unlock(&core->lock));
}

static void do_demote(struct client *client)
{
    struct repl_core *core = client->control->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    bool was = core->active;
    repl_core_demote(core, "told to by the control socket");
    AZ(pthread_mutex_unlock(&core->lock));
    answer(client, "OK", "%s", was ? "standby now" : "standby already");
}

static void do_resync(struct client *client)
{
    struct repl_core *core = client->control->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    const char *why = repl_core_resync(core);
    AZ(pthread_mutex_unlock(&core->lock));
    if (why != NULL)
        answer(client, "ERROR", "%s", why);
    else
        answer(client, "OK", "everything is being copied to the peer again");
}

static void tell_end(struct client *client, const struct repl_handover *h)
{
    double ms = (double)h->pause_us / 1000;
    if (client == NULL)
        return;
    if (h->state == HANDOVER_DONE)
        answer(client, "OK", "the peer is active now; writes were held for %.1f ms", ms);
    else
        answer(client, "ERROR",
               "%s; this node stays as it is, writes were held for %.1f ms", h->why, ms);
}

/* LOCKED */
static void watch_limits(struct watch *w, struct repl_core *core)
{
    uint64_t in_state = repl_clock_us() - w->since_us;
    if (w->shown == HANDOVER_DRAIN && in_state > DRAIN_MAX_US)
        repl_core_handover_abort(core, "the peer does not catch up");
    else if (w->shown != HANDOVER_DRAIN && in_state > HOLD_MAX_US)
        repl_core_handover_abort(core, "the peer did not take the role in time");
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
    static const char *const steps[] = {
        [HANDOVER_DRAIN] = "shipping what the peer does not have yet",
        [HANDOVER_HELD] = "holding clients' writes until the peer has the last one",
        [HANDOVER_OFFERED] = "the peer has everything and is told to be active",
    };
    struct control *control = arg;
    struct watch *w = &control->watch;
    struct repl_core *core = control->thread->core;
    const struct timeval again = { .tv_usec = WATCH_US };
    (void)fd, (void)what;
    AZ(pthread_mutex_lock(&core->lock));
    watch_limits(w, core);
    struct repl_handover h = core->handover;
    AZ(pthread_mutex_unlock(&core->lock));
    if (h.state == HANDOVER_DONE || h.state == HANDOVER_FAILED) {
        tell_end(w->client, &h);
        w->client = NULL;
        return;
    }
    if (h.state != w->shown) {
        w->shown = h.state;
        if (h.state != HANDOVER_OFFERED) /* one limit for both */
            w->since_us = repl_clock_us();
        if (w->client != NULL)
            answer(w->client, "STEP", "%s", steps[h.state]);
    }
    evtimer_add(w->timer, &again);
}

static void do_handover(struct client *client)
{
    struct control *control = client->control;
    struct repl_core *core = control->thread->core;
    AZ(pthread_mutex_lock(&core->lock));
    const char *why = repl_core_handover_begin(core);
    AZ(pthread_mutex_unlock(&core->lock));
    if (why != NULL) {
        answer(client, "ERROR", "%s", why);
        return;
    }
    control->watch.client = client;
    control->watch.shown = HANDOVER_NONE;
    control->watch.since_us = repl_clock_us();
    on_watch(-1, 0, control);
}

static const struct control_command {
    const char *name;
    void (*run)(struct client *client);
} commands[] = {
    { "status", do_status }, { "health", do_health }, { "promote", do_promote },
    { "demote", do_demote }, { "resync", do_resync }, { "handover", do_handover },
};

static void run_line(struct client *client, const char *line)
{
    for (size_t i = 0; i < N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i].name, line) == 0) {
            commands[i].run(client);
            return;
        }
    }
    answer(client, "ERROR", "this node does not know the command '%.40s'", line);
}

/* ---- connections */

static void hang_up(struct client *client)
{
    if (client->control->watch.client == client)
        client->control->watch.client = NULL;
    bufferevent_free(client->stream);
    client->stream = NULL;
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct client *client = arg;
    struct evbuffer *in = bufferevent_get_input(stream);
    char *line;
    while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
        run_line(client, line);
        free(line);
    }
    if (evbuffer_get_length(in) > LINE_ROOM)
        hang_up(client); /* whoever that is, it is not our tool */
}

static void on_ended(struct bufferevent *stream, short what, void *arg)
{
    (void)stream, (void)what;
    hang_up(arg);
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t fd,
                        struct sockaddr *from, int nfrom, void *arg)
{
    struct control *control = arg;
    (void)from, (void)nfrom;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->stream != NULL)
            continue;
        client->control = control;
        client->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
                                                BEV_OPT_CLOSE_ON_FREE);
        if (client->stream == NULL)
            break;
        bufferevent_setcb(client->stream, on_readable, NULL, on_ended, client);
        bufferevent_enable(client->stream, EV_READ);
        return;
    }
    close(fd);
}

/* ---- life */

/* A socket that a killed process left behind is in the way; one that is served is not
 * ours to take. */
static bool clear_the_way(const struct sockaddr_un *at)
{
    struct stat found;
    if (lstat(at->sun_path, &found) != 0 || !S_ISSOCK(found.st_mode))
        return true;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true;
    bool served = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
    close(fd);
    return !served && (unlink(at->sun_path) == 0 || errno == ENOENT);
}

static int listen_at(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (!clear_the_way(at)) {
        close(fd);
        errno = EADDRINUSE;
        return -1;
    }
    /* Nobody can connect before it listens, so the mode is right from the start. */
    if (bind(fd, (const struct sockaddr *)at, sizeof(*at)) != 0 ||
        chmod(at->sun_path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct control *control_open(struct repl_thread *t, const struct control_config *config,
                             char *why, size_t nwhy)
{
    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL) {
        snprintf(why, nwhy, "out of memory for the control socket");
        return NULL;
    }
    control->thread = t;
    control->config = *config;
    control->address.sun_family = AF_UNIX;
    if (strlen(config->path) >= sizeof(control->address.sun_path)) {
        snprintf(why, nwhy, "the path of the control socket is longer than %zu bytes: %s",
                 sizeof(control->address.sun_path) - 1, config->path);
        free(control);
        return NULL;
    }
    strcpy(control->address.sun_path, config->path);
    int fd = listen_at(&control->address);
    if (fd >= 0)
        control->listener =
            evconnlistener_new(t->base, on_accepted, control,
                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    control->watch.timer = evtimer_new(t->base, on_watch, control);
    if (control->listener != NULL && control->watch.timer != NULL)
        return control;
    snprintf(why, nwhy,
             "cannot make the control socket %s: %s; choose another with control=PATH",
             config->path, strerror(errno));
    if (control->watch.timer != NULL)
        event_free(control->watch.timer);
    if (control->listener != NULL)
        evconnlistener_free(control->listener);
    else if (fd >= 0)
        close(fd);
    free(control);
    return NULL;
}

void control_close(struct control *control)
{
    if (control == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (control->clients[i].stream != NULL)
            hang_up(&control->clients[i]);
    }
    evconnlistener_free(control->listener);
    event_free(control->watch.timer);
    unlink(control->address.sun_path);
    free(control);
}
