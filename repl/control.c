#include "repl/control.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "base/unix_socket.h"
#include "repl/command.h"

enum {
    CLIENTS_MAX = 16,
    LINE_ROOM = 400,      /* a host name may have 253 characters */
    UNREAD_MAX = 1 << 20, /* bytes of answers that the client has not read */
    BACKLOG = 8,
};

struct control {
    struct commands commands;
    struct sockaddr_un address;
    struct evconnlistener *listener;
    bool paused; /* accept failed, for want of descriptors; resumed at the next tick */
    struct command_client clients[CLIENTS_MAX];
};

/* ---- connections */

static void hang_up(struct command_client *client)
{
    command_client_gone(client);
    bufferevent_free(client->stream);
    client->stream = NULL;
}

static bool is_unread(const struct command_client *client)
{
    return evbuffer_get_length(bufferevent_get_output(client->stream)) > UNREAD_MAX;
}

static void on_readable(struct bufferevent *stream, void *arg)
{
    struct command_client *client = arg;
    struct evbuffer *in = bufferevent_get_input(stream);
    char *line;
    client->heard_us = monotonic_us();
    while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF)) != NULL) {
        command_run(client, line);
        free(line);
    }
    if (evbuffer_get_length(in) > LINE_ROOM || is_unread(client))
        hang_up(client); /* mcreplctl does not do this */
}

static void on_ended(struct bufferevent *stream, short what, void *arg)
{
    (void)stream, (void)what;
    hang_up(arg);
}

_Static_assert((int)COMMAND_OWED_MAX < (int)CLIENTS_MAX, "somebody can always be let go");

/* If all places are taken, close the connection that has been silent for longest: of so
 * many, some are likely to be forgotten by their owners. */
static struct command_client *find_place(struct control *control)
{
    struct command_client *silent = NULL;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct command_client *client = &control->clients[i];
        if (client->stream == NULL)
            return client;
        if (!command_client_is_owed(client) &&
            (silent == NULL || client->heard_us < silent->heard_us))
            silent = client;
    }
    AN(silent);
    hang_up(silent);
    return silent;
}

static void on_accepted(struct evconnlistener *listener, evutil_socket_t fd,
                        struct sockaddr *from, int nfrom, void *arg)
{
    struct control *control = arg;
    (void)from, (void)nfrom;
    struct command_client *client = find_place(control);
    client->commands = &control->commands;
    client->wants_news = false;
    client->heard_us = monotonic_us();
    client->stream = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
                                            BEV_OPT_CLOSE_ON_FREE);
    if (client->stream == NULL) {
        close(fd);
        return;
    }
    bufferevent_setcb(client->stream, on_readable, NULL, on_ended, client);
    if (bufferevent_enable(client->stream, EV_READ) != 0)
        hang_up(client); /* its requests would never be read */
}

/* Without this pause the event loop would call on_accepted again at once, for ever. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
    struct control *control = arg;
    loop_log(control->commands.thread, REPL_LOG_WARNING,
             "cannot accept a connection at the control socket: %s; trying again: if "
             "this goes on, raise the limit on open files (ulimit -n) or free memory",
             strerror(errno));
    control->paused = evconnlistener_disable(listener) == 0;
}

void control_tick(struct control *control)
{
    if (control == NULL)
        return;
    if (control->paused)
        control->paused = evconnlistener_enable(control->listener) != 0;
    commands_look(&control->commands);
}

void control_progress(struct control *control)
{
    if (control != NULL)
        commands_look(&control->commands);
}

void control_news(struct control *control)
{
    for (size_t i = 0; control != NULL && i < CLIENTS_MAX; i++) {
        struct command_client *client = &control->clients[i];
        if (client->stream == NULL)
            continue;
        command_news(client);
        if (is_unread(client))
            hang_up(client);
    }
}

/* ---- life */

static int listen_at(const struct sockaddr_un *at)
{
    int fd = unix_socket_bind(at, 0660);
    if (fd < 0 || listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

struct control *control_open(struct repl_thread *t, const struct control_config *config,
                             char *why, size_t nwhy)
{
    struct control *control = calloc(1, sizeof(*control));
    if (control == NULL) {
        snprintf(why, nwhy,
                 "out of memory for the control socket: free memory on this machine");
        return NULL;
    }
    if (!unix_socket_address(config->path, &control->address)) {
        snprintf(why, nwhy,
                 "the path of the control socket is longer than %zu bytes; choose a "
                 "shorter one with control=PATH: %s",
                 sizeof(control->address.sun_path) - 1, config->path);
        free(control);
        return NULL;
    }
    int fd = listen_at(&control->address);
    if (fd >= 0)
        control->listener =
            evconnlistener_new(t->base, on_accepted, control,
                               LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    int error = errno;
    commands_init(&control->commands, t, config);
    if (control->listener != NULL) {
        evconnlistener_set_error_cb(control->listener, on_accept_failed);
        return control;
    }
    snprintf(why, nwhy,
             "cannot make the control socket %s: %s; choose another with control=PATH",
             config->path, strerror(error));
    if (fd >= 0)
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
    unlink(control->address.sun_path);
    free(control);
}
