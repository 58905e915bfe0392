/* Looks up the peer's name, and says which name server does not answer. */
#include <event2/dns.h>
#include <stdio.h>
#include <string.h>

#include "base/monotonic.h"
#include "repl/loop.h"

enum {
    SILENT_US = 1000000,  /* then the log names the name server */
    GIVE_UP_US = 3000000, /* then ask anew: the resolver would wait for 15 s */
    SERVERS_MAX = 3,      /* that are named */
};

static void take_addresses(struct repl_thread *t, const struct evutil_addrinfo *found)
{
    t->npeers = 0;
    for (; found != NULL && t->npeers < REPL_PEER_ADDRESSES; found = found->ai_next) {
        struct address *a = &t->peers[t->npeers];
        if (found->ai_addrlen > sizeof(a->room))
            continue;
        memset(a, 0, sizeof(*a));
        memcpy(&a->room, found->ai_addr, found->ai_addrlen);
        a->length = found->ai_addrlen;
        a->v4.sin_port = htons(t->config.peer.port); /* at the same place in IPv6 */
        t->npeers++;
    }
}

static bool is_silent(const struct repl_thread *t, uint64_t now)
{
    return now > t->asked_us + SILENT_US;
}

/* The resolver itself reports that much later, and without a name. */
static void blame_servers(struct repl_thread *t)
{
    char why[3 * ADDRESS_TEXT] = "no answer from name server";
    size_t n = strlen(why);
    struct address server = { 0 };
    for (int i = 0; i < SERVERS_MAX && n < sizeof(why) - ADDRESS_TEXT; i++) {
        char name[ADDRESS_TEXT];
        if (evdns_base_get_nameserver_addr(t->dns, i, &server.any, sizeof(server.room)) <=
            0)
            break;
        address_format(&server, name);
        n += (size_t)snprintf(why + n, sizeof(why) - n, "%s %s", i > 0 ? "," : "", name);
    }
    slots_dial_failed(t, t->config.peer.host, why);
}

static void on_resolved(int error, struct evutil_addrinfo *found, void *arg)
{
    struct repl_thread *t = arg;
    repl_core_lock(t->core);
    t->resolving = false;
    t->question = NULL;
    if (error != 0)
        t->dns_failures++;
    if (error == EVUTIL_EAI_CANCEL) {
        ; /* the next dial asks */
    } else if (error != 0 && is_silent(t, monotonic_us())) {
        blame_servers(t);
    } else if (error != 0) {
        slots_dial_failed(t, t->config.peer.host, evutil_gai_strerror(error));
    } else {
        take_addresses(t, found);
        evutil_freeaddrinfo(found);
        t->call.resolved(t);
    }
    repl_core_unlock(t->core);
}

/* The resolver would ask all name servers in turn, but only the first may know the peer,
 * as in a network of containers. So one server is asked at a time, in their order: after
 * a failure, the next look-up asks the next one. */
static void choose_server(struct repl_thread *t)
{
    struct address server = { 0 };
    int n = evdns_base_count_nameservers(t->dns);
    int size =
        n > 1
            ? evdns_base_get_nameserver_addr(t->dns, (int)(t->dns_failures % (unsigned)n),
                                             &server.any, sizeof(server.room))
            : 0;
    if (size <= 0 || evdns_base_clear_nameservers_and_suspend(t->dns) != 0)
        return;
    (void)evdns_base_nameserver_sockaddr_add(t->dns, &server.any, (ev_socklen_t)size, 0);
    evdns_base_resume(t->dns);
}

/* Read the resolver's configuration anew for each look-up: name servers and the hosts
 * file may have changed since the last one, above all while a machine boots. */
static bool open_dns(struct repl_thread *t)
{
    if (t->dns != NULL)
        evdns_base_free(t->dns, 0);
    t->dns = evdns_base_new(t->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                         EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (t->dns != NULL) {
        choose_server(t);
        return true;
    }
    /* There are no name servers. Names in the hosts file still work. */
    t->dns = evdns_base_new(t->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (t->dns != NULL)
        evdns_base_load_hosts(t->dns, "/etc/hosts");
    return t->dns != NULL;
}

static void ask(struct repl_thread *t)
{
    struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    if (!open_dns(t)) {
        slots_dial_failed(t, t->config.peer.host, "out of memory");
        return;
    }
    t->resolving = true;
    t->asked_us = monotonic_us();
    /* This may call back at once, and the callback takes the lock. */
    repl_core_unlock(t->core);
    struct evdns_getaddrinfo_request *question =
        evdns_getaddrinfo(t->dns, t->config.peer.host, NULL, &hints, on_resolved, t);
    repl_core_lock(t->core);
    t->question = question; /* NULL: it is answered */
}

bool resolve_number(struct repl_thread *t)
{
    const struct host_port *peer = &t->config.peer;
    if (!address_numeric(peer->host, peer->port, &t->peers[0]))
        return false;
    t->npeers = 1;
    return true;
}

void resolve_peer(struct repl_thread *t)
{
    if (resolve_number(t))
        t->call.resolved(t);
    else if (!t->resolving)
        ask(t);
}

void resolve_cancel(struct repl_thread *t)
{
    struct evdns_getaddrinfo_request *question = t->question;
    t->question = NULL;
    if (question != NULL)
        evdns_getaddrinfo_cancel(question); /* it calls back through the loop */
}

void resolve_tick(struct repl_thread *t, uint64_t now)
{
    if (t->question == NULL || !is_silent(t, now))
        return;
    blame_servers(t);
    if (now >= t->asked_us + GIVE_UP_US)
        resolve_cancel(t);
}
