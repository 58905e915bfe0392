/*
 * Binds the listening sockets: all addresses of -l, and the UNIX socket.
 */
#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/host_port.h"
#include "base/unix_socket.h"
#include "server/address.h"
#include "server/settings.h"

enum { DATAGRAM_ROOM = 8 << 20 }; /* bytes; some 10,000 small datagrams */

static bool add_listener(struct listeners *l, int fd, struct entrance entrance)
{
    struct listener *all = realloc(l->all, (l->n + 1) * sizeof(*all));
    if (all == NULL)
        return false;
    l->all = all;
    all[l->n++] = (struct listener){ .all = l, .fd = fd, .entrance = entrance };
    return true;
}

/* A burst of datagrams either fits the socket's buffers or is lost. So this asks for
 * large buffers; as root we get the full size, otherwise what the system allows. */
static void enlarge_buffers(int fd)
{
    static const int size = DATAGRAM_ROOM;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static void set_options(int fd, const struct addrinfo *ai)
{
    static const int on = 1;
    static const struct linger no_linger = { 0, 0 };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (ai->ai_socktype != SOCK_STREAM) {
        enlarge_buffers(fd);
        return;
    }
    /* accepted sockets inherit them */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_linger, sizeof(no_linger));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* What bind calls it. */
static unsigned port_to_bind(uint64_t port)
{
    return port == PORT_ANY ? 0 : (unsigned)port;
}

/* If the kernel chose a port for the first address, the others use it too. */
static void set_port(struct sockaddr *sa, uint16_t port)
{
    if (sa->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)sa)->sin_port = htons(port);
}

/* The socket, or -1 with errno. */
static int bind_address(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, ai->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    ai->ai_protocol);
    if (fd < 0)
        return -1;
    set_options(fd, ai);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* Binds all addresses of one name; address families that this machine does not support
 * do not count. */
static bool bind_all(struct listeners *l, struct addrinfo *list, const char *host,
                     const char *port, struct entrance entrance, char *why, size_t nwhy)
{
    int error = 0;
    unsigned bound = 0;
    uint16_t chosen = 0;
    for (struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
        if (chosen != 0 && strcmp(port, "0") == 0)
            set_port(ai->ai_addr, chosen);
        int fd = bind_address(ai);
        if (fd < 0) {
            error = errno;
            if (error == EAFNOSUPPORT || (error == EADDRNOTAVAIL && host == NULL))
                continue;
            break;
        }
        chosen = address_port(fd);
        bound++;
        error = 0;
        if (!add_listener(l, fd, entrance)) {
            close(fd);
            error = ENOMEM;
            break;
        }
    }
    if (bound > 0 && (error == 0 || error == EAFNOSUPPORT || error == EADDRNOTAVAIL))
        return true;
    snprintf(why, nwhy, "cannot listen on %s port %s: %s%s",
             host != NULL ? host : "any address,", port, strerror(error),
             listener_advice(error));
    return false;
}

static bool bind_name(struct listeners *l, const char *host, const char *port,
                      struct entrance entrance, char *why, size_t nwhy)
{
    struct addrinfo *list,
        hints = { .ai_flags = AI_PASSIVE,
                  .ai_family = AF_UNSPEC,
                  .ai_socktype = entrance.datagram ? SOCK_DGRAM : SOCK_STREAM };
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        snprintf(why, nwhy, "cannot listen on %s port %s: %s", host != NULL ? host : "*",
                 port, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return false;
    }
    bool ok = bind_all(l, list, host, port, entrance, why, nwhy);
    freeaddrinfo(list);
    return ok;
}

/* A port in the address itself applies to TCP. */
static bool bind_place(struct listeners *l, const struct host_port *at, uint64_t common,
                       struct entrance entrance, char *why, size_t nwhy)
{
    char port[8];
    bool is_any = at->host[0] == '\0' || strcmp(at->host, "*") == 0;
    snprintf(port, sizeof(port), "%u",
             at->has_port && !entrance.datagram ? at->port : port_to_bind(common));
    return bind_name(l, is_any ? NULL : at->host, port, entrance, why, nwhy);
}

/* The prefixes of an address change how its clients come in. */
static struct entrance entrance_at(struct entrance usual, const struct listen_address *at)
{
    usual.tls = usual.tls && !at->notls;
    usual.protocol = at->has_protocol ? at->protocol : usual.protocol;
    return usual;
}

/* All of -l, for TCP or for UDP. */
static bool bind_list(struct listeners *l, uint64_t number, struct entrance usual,
                      char *why, size_t nwhy)
{
    const struct host_port all = { .host = "*" };
    char *save = NULL;
    bool ok = true;
    if (l->settings->listen == NULL)
        return bind_place(l, &all, number, usual, why, nwhy);
    char *list = strdup(l->settings->listen);
    if (list == NULL) {
        snprintf(why, nwhy, "out of memory for the addresses of -l");
        return false;
    }
    char *word = address_next(list, &save);
    for (; ok && word != NULL; word = address_next(NULL, &save)) {
        struct listen_address at;
        CHECK(address_parse(word, &at)); /* the settings have been checked */
        ok = bind_place(l, &at.at, number, entrance_at(usual, &at), why, nwhy);
    }
    free(list);
    return ok;
}

static const char *unix_advice(int error)
{
    return error == EACCES ? ". Its folder must be open to the user that mcd runs as (-u)"
                           : "";
}

bool listeners_bind_unix(struct listeners *l, char *why, size_t nwhy)
{
    struct sockaddr_un at;
    const char *path = l->settings->unix_socket;
    unsigned mode = 0;
    if (path == NULL)
        return true;
    settings_unix_mode(l->settings, &mode);
    if (!unix_socket_address(path, &at)) {
        snprintf(why, nwhy, "the path of the UNIX socket exceeds %zu bytes: %s",
                 sizeof(at.sun_path) - 1, path);
        return false;
    }
    int fd = unix_socket_bind(&at, mode);
    if (fd >= 0)
        l->unix_path = strdup(path);
    if (fd >= 0 &&
        add_listener(l, fd, (struct entrance){ .protocol = l->settings->protocol }))
        return true;
    snprintf(why, nwhy, "cannot listen on the UNIX socket %s: %s%s", path,
             strerror(errno), unix_advice(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

bool listeners_bind(struct listeners *l, const struct settings *s, char *why, size_t nwhy)
{
    const struct entrance tcp = { .tls = s->enable_ssl, .protocol = s->protocol };
    const struct entrance udp = { .datagram = true, .protocol = s->protocol };
    l->settings = s;
    if (settings_want_tcp(s) && !bind_list(l, s->port, tcp, why, nwhy))
        return false;
    return s->udp_port == 0 || bind_list(l, s->udp_port, udp, why, nwhy);
}
