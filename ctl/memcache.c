#include "ctl/memcache.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/host_port.h"

enum { LINE_MOST = 64 * 1024, READ_LEAST = 64 * 1024 };

static bool limit_waits(int fd, unsigned ms)
{
    struct timeval limit = { .tv_sec = ms / 1000,
                             .tv_usec = (suseconds_t)(ms % 1000) * 1000 };
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0;
}

static int connect_any(const struct addrinfo *found, unsigned timeout_ms)
{
    for (const struct addrinfo *a = found; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0)
            continue;
        if (limit_waits(fd, timeout_ms) && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            return fd;
        int error = errno;
        close(fd);
        errno = error == EINPROGRESS ? ETIMEDOUT : error;
    }
    return -1;
}

static bool reach(struct memcache *m, const struct host_port *at, unsigned timeout_ms)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    char port[8];
    snprintf(port, sizeof(port), "%u", at->has_port ? at->port : 11211u);
    int error = getaddrinfo(at->host, port, &hints, &found);
    if (error != 0) {
        snprintf(m->why, sizeof(m->why), "%s: %s", m->name, gai_strerror(error));
        return false;
    }
    m->fd = connect_any(found, timeout_ms);
    if (m->fd < 0)
        snprintf(m->why, sizeof(m->why), "cannot reach %s%s: %s%s", m->name,
                 at->has_port ? "" : ", port 11211", strerror(errno),
                 errno == ECONNREFUSED ? "; is a server running there?" : "");
    freeaddrinfo(found);
    return m->fd >= 0;
}

bool memcache_open(struct memcache *m, const char *address, unsigned timeout_ms)
{
    struct host_port at;
    *m = (struct memcache){ .fd = -1 };
    buffer_init(&m->in);
    buffer_init(&m->out);
    snprintf(m->name, sizeof(m->name), "%s", address);
    if (host_port_parse(address, &at) && at.host[0] != '\0')
        return reach(m, &at, timeout_ms);
    snprintf(m->why, sizeof(m->why), "'%s' is not HOST:PORT", m->name);
    return false;
}

void memcache_close(struct memcache *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
    buffer_fini(&m->in);
    buffer_fini(&m->out);
}

static void fail(struct memcache *m, const char *what)
{
    snprintf(m->why, sizeof(m->why), "%s %s", m->name, what);
}

bool memcache_send(struct memcache *m)
{
    if (m->out.failed) {
        snprintf(m->why, sizeof(m->why), "out of memory");
        return false;
    }
    while (buffer_length(&m->out) > 0) {
        ssize_t n =
            send(m->fd, buffer_head(&m->out), buffer_length(&m->out), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            fail(m, errno == EAGAIN ? "takes no more requests" : strerror(errno));
            return false;
        }
        buffer_consume(&m->out, (size_t)n);
    }
    return true;
}

static bool read_more(struct memcache *m, size_t least)
{
    char *at = buffer_reserve(&m->in, least < READ_LEAST ? READ_LEAST : least);
    ssize_t n;
    if (at == NULL) {
        snprintf(m->why, sizeof(m->why), "out of memory");
        return false;
    }
    do
        n = recv(m->fd, at, buffer_room(&m->in), 0);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        buffer_commit(&m->in, (size_t)n);
    else if (n == 0)
        fail(m, "has closed the connection in the middle");
    else
        fail(m, errno == EAGAIN ? "does not answer in time" : strerror(errno));
    return n > 0;
}

static void drop_used(struct memcache *m)
{
    buffer_consume(&m->in, m->used);
    m->used = 0;
}

char *memcache_line(struct memcache *m)
{
    size_t looked = 0;
    char *end = NULL;
    drop_used(m);
    while (looked == buffer_length(&m->in) ||
           (end = memchr(buffer_head(&m->in) + looked, '\n',
                         buffer_length(&m->in) - looked)) == NULL) {
        looked = buffer_length(&m->in);
        if (looked > LINE_MOST) {
            fail(m, "sends a line without an end");
            return NULL;
        }
        if (!read_more(m, 0))
            return NULL;
    }
    char *line = m->in.data + m->in.head;
    m->used = (size_t)(end + 1 - line);
    *end = '\0';
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    return line;
}

const char *memcache_bytes(struct memcache *m, size_t n)
{
    drop_used(m);
    while (buffer_length(&m->in) < n) {
        if (!read_more(m, n - buffer_length(&m->in)))
            return NULL;
    }
    m->used = n;
    return buffer_head(&m->in);
}
