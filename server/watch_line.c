#include "server/watch_line.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "protocol/request.h"
#include "server/uri.h"

/* key: encoded, and ended by a zero. Each returns how many bytes it has written. */
typedef int (*writer)(char *to, size_t room, const struct watch_record *r,
                      const char *key);

static int write_item_get(char *to, size_t room, const struct watch_record *r,
                          const char *key)
{
    return snprintf(to, room, "item_get key=%s status=%s clsid=%u cfd=%d size=%u\n", key,
                    r->status, r->clsid, r->fd, r->nbytes);
}

static int write_item_store(char *to, size_t room, const struct watch_record *r,
                            const char *key)
{
    return snprintf(to, room,
                    "item_store key=%s status=%s cmd=%s ttl=%" PRId64
                    " clsid=%u cfd=%d size=%u\n",
                    key, r->status, r->command, r->ttl, r->clsid, r->fd, r->nbytes);
}

static int write_eviction(char *to, size_t room, const struct watch_record *r,
                          const char *key)
{
    if (!r->is_known)
        return snprintf(to, room, "eviction key=%s\n", key);
    return snprintf(to, room,
                    "eviction key=%s fetch=%s ttl=%" PRId64 " la=%u clsid=%u size=%u\n",
                    key, r->fetched ? "yes" : "no", r->ttl, r->idle, r->clsid, r->nbytes);
}

static int write_deleted(char *to, size_t room, const struct watch_record *r,
                         const char *key)
{
    return snprintf(to, room, "deleted key=%s cmd=%s clsid=%u size=%u\n", key, r->command,
                    r->clsid, r->nbytes);
}

static const char *address_of(const struct origin *o, char *room, socklen_t nroom)
{
    if (o->family == AF_INET || o->family == AF_INET6)
        return inet_ntop(o->family, o->at, room, nroom);
    return "unix";
}

static int write_conn_new(char *to, size_t room, const struct watch_record *r,
                          const char *key)
{
    char at[INET6_ADDRSTRLEN];
    (void)key;
    return snprintf(to, room, "conn_new rip=%s rport=%u transport=%s cfd=%d\n",
                    address_of(&r->origin, at, sizeof(at)), r->origin.port, r->transport,
                    r->fd);
}

static int write_conn_close(char *to, size_t room, const struct watch_record *r,
                            const char *key)
{
    char at[INET6_ADDRSTRLEN];
    (void)key;
    return snprintf(to, room,
                    "conn_close rip=%s rport=%u transport=%s reason=%s cfd=%d\n",
                    address_of(&r->origin, at, sizeof(at)), r->origin.port, r->transport,
                    r->reason, r->fd);
}

static const struct {
    unsigned word;
    writer write;
} kinds[WATCH_KINDS] = {
    [WATCH_ITEM_GET] = { WATCH_FETCHERS, write_item_get },
    [WATCH_ITEM_STORE] = { WATCH_MUTATIONS, write_item_store },
    [WATCH_EVICTION] = { WATCH_EVICTIONS, write_eviction },
    [WATCH_DELETED] = { WATCH_DELETIONS, write_deleted },
    [WATCH_CONN_NEW] = { WATCH_CONNEVENTS, write_conn_new },
    [WATCH_CONN_CLOSE] = { WATCH_CONNEVENTS, write_conn_close },
};

unsigned watch_line_word(unsigned kind)
{
    return kinds[kind].word;
}

_Static_assert(3 * KEY_MAX + 250 < WATCH_LINE_MAX, "the longest key and all numbers fit");

size_t watch_line_write(char *line, const struct watch_record *r, const void *key)
{
    char encoded[3 * KEY_MAX + 1];
    *uri_encode(encoded, key, r->nkey) = '\0';
    int n = snprintf(line, WATCH_LINE_MAX,
                     "ts=%" PRId64 ".%06u gid=%" PRIu64 " type=", r->seconds,
                     r->microseconds, r->gid);
    n += kinds[r->kind].write(line + n, WATCH_LINE_MAX - (size_t)n, r, encoded);
    return (size_t)n;
}
