#include "server/visitors.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/monotonic.h"

/* Our reference keeps the stream's memory. Once the server has freed it, it has no
 * callbacks any more. */
static bool has_left(struct bufferevent *stream)
{
    bufferevent_event_cb on_event = NULL;
    bufferevent_getcb(stream, NULL, NULL, &on_event, NULL);
    return on_event == NULL;
}

static void forget(struct visitors *v, size_t i)
{
    bufferevent_decref(v->of[i].stream);
    v->of[i].stream = NULL;
}

/* To the server it is a client that has been silent for too long. */
static void send_away(struct visitors *v, size_t i)
{
    bufferevent_trigger_event(v->of[i].stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT,
                              BEV_OPT_DEFER_CALLBACKS);
    forget(v, i);
}

static size_t find_place(struct visitors *v)
{
    size_t oldest = 0;
    for (size_t i = 0; i < VISITORS_MAX; i++) {
        if (v->of[i].stream != NULL && has_left(v->of[i].stream))
            forget(v, i);
        if (v->of[i].stream == NULL)
            return i;
        if (v->of[i].came_us < v->of[oldest].came_us)
            oldest = i;
    }
    send_away(v, oldest);
    return oldest;
}

/* The server sets the callbacks of a new stream at once, before anybody looks. */
static struct bufferevent *on_visit(struct event_base *base, void *visitors)
{
    struct visitors *v = visitors;
    /* Closed with our reference: nobody else has its number until then. */
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (stream == NULL)
        return NULL;
    size_t i = find_place(v);
    bufferevent_incref(stream);
    v->of[i].stream = stream;
    v->of[i].came_us = monotonic_us();
    return stream;
}

void visitors_watch(struct visitors *v, struct evhttp *server)
{
    evhttp_set_bevcb(server, on_visit, v);
}

void visitors_look(struct visitors *v)
{
    uint64_t now = monotonic_us();
    for (size_t i = 0; i < VISITORS_MAX; i++) {
        if (v->of[i].stream == NULL)
            continue;
        if (has_left(v->of[i].stream))
            forget(v, i);
        else if (now - v->of[i].came_us > (uint64_t)VISITORS_STAY_MS * 1000)
            send_away(v, i);
    }
}

void visitors_fini(struct visitors *v)
{
    for (size_t i = 0; i < VISITORS_MAX; i++) {
        if (v->of[i].stream != NULL)
            forget(v, i);
    }
}
