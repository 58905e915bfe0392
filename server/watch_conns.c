#include "server/watch_conns.h"

#include <sys/socket.h>

static const char *transport_of(const struct entrance *from)
{
    if (from->datagram)
        return "udp";
    bool ip = from->origin.family == AF_INET || from->origin.family == AF_INET6;
    return ip ? "tcp" : "local";
}

static void put(struct watch_feed *f, enum watch_kind kind, int fd,
                const struct entrance *from, const char *reason)
{
    struct watch_record r = { .kind = (uint8_t)kind,
                              .fd = fd,
                              .origin = from->origin,
                              .transport = transport_of(from),
                              .reason = reason };
    watch_feed_put(f, &r, NULL, 0);
}

void watch_conn_opened(struct watch_feed *f, int fd, const struct entrance *from)
{
    if (watch_feed_wants(f, WATCH_CONNEVENTS))
        put(f, WATCH_CONN_NEW, fd, from, "");
}

void watch_conn_closed(struct watch_feed *f, int fd, const struct entrance *from,
                       enum watch_end why)
{
    static const char *const reasons[] = {
        [ENDS_BY_ERROR] = "error",
        [ENDS_NORMALLY] = "normal",
        [ENDS_AS_IDLE] = "idle_timeout",
        [ENDS_BY_SHUTDOWN] = "shutdown",
    };
    if (watch_feed_wants(f, WATCH_CONNEVENTS))
        put(f, WATCH_CONN_CLOSE, fd, from, reasons[why]);
}
