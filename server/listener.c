#include "server/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "server/log.h"
#include "server/server.h"

enum { ACCEPTS_PER_EVENT = 64, PAUSE_US = 10000 };

/* ---- accepting ---- */

static uint64_t open_connections(const struct server *server)
{
    uint64_t closed = 0;
    for (unsigned i = 0; i < server->nworkers; i++)
        closed += __atomic_load_n(&server->workers[i].counters.closed, __ATOMIC_RELAXED);
    return atomic_load(&server->listeners.accepted) - closed;
}

static void set_accepting(struct server *server, bool on)
{
    struct listeners *l = &server->listeners;
    static const struct timeval pause_time = { 0, PAUSE_US };
    if (!on)
        event_add(l->retry, &pause_time);
    if (atomic_load(&l->accepting) == on)
        return;
    atomic_store(&l->accepting, on);
    if (!on)
        atomic_fetch_add(&l->disabled_num, 1);
    for (size_t i = 0; i < l->n; i++) {
        if (on)
            event_add(l->all[i].event, NULL);
        else
            event_del(l->all[i].event);
    }
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
    struct server *server = arg;
    (void)fd, (void)what;
    bool room = open_connections(server) < server->settings.max_connections;
    set_accepting(server, room || server->settings.maxconns_fast);
}

static void refuse(struct server *server, int fd)
{
    static const char words[] = "ERROR Too many open connections\r\n";
    atomic_fetch_add(&server->listeners.rejected, 1);
    if (send(fd, words, sizeof(words) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug("a refused client did not wait for the reason");
    close(fd);
}

static void deal_out(struct server *server, int fd)
{
    struct worker *w = &server->workers[server->next_worker];
    server->next_worker = (server->next_worker + 1) % server->nworkers;
    atomic_fetch_add(&server->listeners.accepted, 1);
    if (worker_give(w, fd))
        return;
    log_warning("out of memory: a new connection is closed");
    atomic_fetch_sub(&server->listeners.accepted, 1);
    close(fd);
}

static bool accept_failed(struct server *server)
{
    if (errno == EINTR || errno == ECONNABORTED)
        return true;
    if (errno == EAGAIN)
        return false;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM)
        log_warning("a connection could not be accepted: %s", strerror(errno));
    else
        log_info("accepting pauses: %s", strerror(errno));
    set_accepting(server, false);
    return false;
}

/* True if there may be another one. */
static bool accept_one(struct server *server, int listening)
{
    bool fast = server->settings.maxconns_fast;
    bool full = open_connections(server) >= server->settings.max_connections;
    if (full && !fast) {
        set_accepting(server, false);
        return false;
    }
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return accept_failed(server);
    if (full)
        refuse(server, fd);
    else
        deal_out(server, fd);
    return true;
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
    struct listener *l = arg;
    (void)what;
    for (unsigned i = 0; i < ACCEPTS_PER_EVENT; i++) {
        if (!accept_one(l->server, fd))
            return;
    }
}

/* ---- binding ---- */

static bool add_listener(struct server *server, int fd, bool datagram)
{
    struct listeners *l = &server->listeners;
    struct listener *all = realloc(l->all, (l->n + 1) * sizeof(*all));
    if (all == NULL)
        return false;
    l->all = all;
    all[l->n++] = (struct listener){ .server = server, .fd = fd, .datagram = datagram };
    return true;
}

static void set_options(int fd, const struct addrinfo *ai)
{
    static const int on = 1;
    static const struct linger no_linger = { 0, 0 };
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (ai->ai_socktype != SOCK_STREAM)
        return;
    /* accepted sockets inherit them */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_linger, sizeof(no_linger));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* Without -p the kernel chose a port for the first address: use it for the others. */
static uint16_t port_of(int fd)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
        return 0;
    if (sa.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
    return sa.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&sa)->sin_port) : 0;
}

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

static const char *advice(int error)
{
    if (error == EADDRINUSE)
        return ". Another process listens there; end it or choose another port with -p";
    if (error == EACCES)
        return ". Ports below 1024 are for root; choose another with -p";
    if (error == EADDRNOTAVAIL)
        return ". This machine has no such address; see -l";
    return "";
}

/* All addresses of one name; families that this machine lacks do not count. */
static bool bind_all(struct server *server, struct addrinfo *list, const char *host,
                     const char *port, char *why, size_t nwhy)
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
        chosen = port_of(fd);
        bound++;
        error = 0;
        if (!add_listener(server, fd, ai->ai_socktype == SOCK_DGRAM)) {
            close(fd);
            error = ENOMEM;
            break;
        }
    }
    if (bound > 0 && (error == 0 || error == EAFNOSUPPORT || error == EADDRNOTAVAIL))
        return true;
    snprintf(why, nwhy, "cannot listen on %s port %s: %s%s",
             host != NULL ? host : "any address,", port, strerror(error), advice(error));
    return false;
}

static bool bind_name(struct server *server, const char *host, const char *port,
                      int socktype, char *why, size_t nwhy)
{
    struct addrinfo *list, hints = { .ai_flags = AI_PASSIVE,
                                     .ai_family = AF_UNSPEC,
                                     .ai_socktype = socktype };
    int error = getaddrinfo(host, port, &hints, &list);
    if (error != 0) {
        snprintf(why, nwhy, "cannot listen on %s port %s: %s", host != NULL ? host : "*",
                 port, error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error));
        return false;
    }
    bool ok = bind_all(server, list, host, port, why, nwhy);
    freeaddrinfo(list);
    return ok;
}

bool listener_split(char *word, char **host, char **port)
{
    char *end = word;
    if (word[0] == '[') {
        end = strchr(++word, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':'))
            return false;
        *end++ = '\0';
    } else {
        end = strchr(word, ':');
        if (end == NULL || strchr(end + 1, ':') != NULL)
            end = word + strlen(word); /* no port, or a bare IPv6 address */
    }
    *port = NULL;
    if (*end == ':') {
        *end = '\0';
        *port = end + 1;
        if ((*port)[0] == '\0' || strspn(*port, "0123456789") != strlen(*port))
            return false;
    }
    *host = word[0] != '\0' && strcmp(word, "*") != 0 ? word : NULL;
    return true;
}

/* All of -l, for TCP or for UDP. */
static bool bind_list(struct server *server, uint64_t number, int socktype, char *why,
                      size_t nwhy)
{
    char common[8], *save = NULL, *host, *port;
    bool ok = true;
    snprintf(common, sizeof(common), "%u", (unsigned)number);
    if (server->settings.listen == NULL)
        return bind_name(server, NULL, common, socktype, why, nwhy);
    char *list = strdup(server->settings.listen);
    char *word = list != NULL ? strtok_r(list, ", ", &save) : NULL;
    if (word == NULL) {
        snprintf(why, nwhy, "option 'listen' names no address");
        ok = false;
    }
    for (; ok && word != NULL; word = strtok_r(NULL, ", ", &save)) {
        ok = listener_split(word, &host, &port);
        if (!ok)
            snprintf(why, nwhy,
                     "option 'listen' needs addresses such as 10.0.0.1, "
                     "10.0.0.1:11211 or [::1]:11211, not '%s'",
                     server->settings.listen);
        else
            ok = bind_name(server, host,
                           port != NULL && socktype == SOCK_STREAM ? port : common,
                           socktype, why, nwhy);
    }
    free(list);
    return ok;
}

/* A socket file is left behind by a crash; one that answers is in use. */
static bool clear_path(const struct sockaddr_un *sa)
{
    struct stat st;
    if (lstat(sa->sun_path, &st) != 0)
        return true;
    if (!S_ISSOCK(st.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool used = fd >= 0 && connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;
    if (fd >= 0)
        close(fd);
    errno = EADDRINUSE;
    return !used && unlink(sa->sun_path) == 0;
}

static bool bind_unix(struct server *server, char *why, size_t nwhy)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    const char *path = server->settings.unix_socket;
    unsigned mode = 0;
    settings_unix_mode(&server->settings, &mode);
    if (strlen(path) >= sizeof(sa.sun_path)) {
        snprintf(why, nwhy, "the path of the UNIX socket is longer than %zu bytes: %s",
                 sizeof(sa.sun_path) - 1, path);
        return false;
    }
    strcpy(sa.sun_path, path);
    int fd = -1;
    if (clear_path(&sa))
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t old = umask((mode_t)(~mode & 0777));
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
    umask(old);
    if (ok)
        server->listeners.unix_path = strdup(path);
    if (ok && add_listener(server, fd, false))
        return true;
    snprintf(why, nwhy, "cannot listen on the UNIX socket %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

bool listeners_bind(struct server *server, char *why, size_t nwhy)
{
    const struct settings *s = &server->settings;
    bool tcp = s->unix_socket == NULL || settings_given(s, "port") ||
               settings_given(s, "listen");
    if (s->unix_socket != NULL && !bind_unix(server, why, nwhy))
        return false;
    if (tcp && !bind_list(server, s->port, SOCK_STREAM, why, nwhy))
        return false;
    return s->udp_port == 0 || bind_list(server, s->udp_port, SOCK_DGRAM, why, nwhy);
}

/* ---- start and end ---- */

static void tell_ports(const struct server *server)
{
    char text[LISTENER_ADDRESS_MAX];
    bool chosen = server->settings.port == 0;
    for (size_t i = 0; i < server->listeners.n; i++) {
        if (!listener_own(server->listeners.all[i].fd, text, sizeof(text)))
            continue;
        /* Who left the choice to the kernel needs to know it. */
        if (chosen)
            log_warning("listening on %s", text);
        else
            log_info("listening on %s", text);
    }
}

/* Written under another name first, so that a reader never sees half of it. */
static bool write_ports(const struct server *server, const char *path)
{
    char part[4096];
    int n = snprintf(part, sizeof(part), "%s.lck", path);
    FILE *out = n > 0 && (size_t)n < sizeof(part) ? fopen(part, "w") : NULL;
    if (out == NULL)
        return false;
    for (size_t i = 0; i < server->listeners.n; i++) {
        const struct listener *l = &server->listeners.all[i];
        struct sockaddr_storage sa;
        socklen_t size = sizeof(sa);
        if (getsockname(l->fd, (struct sockaddr *)&sa, &size) == 0 &&
            sa.ss_family != AF_UNIX)
            fprintf(out, "%s %s: %u\n", l->datagram ? "UDP" : "TCP",
                    sa.ss_family == AF_INET6 ? "INET6" : "INET", port_of(l->fd));
    }
    return fclose(out) == 0 && rename(part, path) == 0;
}

static bool start_one(struct server *server, struct listener *l, char *why, size_t nwhy)
{
    char text[LISTENER_ADDRESS_MAX];
    if (l->datagram)
        return true;
    if (listen(l->fd, (int)server->settings.backlog) == 0) {
        l->event = event_new(server->base, l->fd, EV_READ | EV_PERSIST, on_accept, l);
        if (l->event != NULL && event_add(l->event, NULL) == 0)
            return true;
    }
    int error = errno;
    listener_own(l->fd, text, sizeof(text));
    snprintf(why, nwhy, "cannot listen on %s: %s%s", text, strerror(error),
             advice(error));
    return false;
}

bool listeners_start(struct server *server, char *why, size_t nwhy)
{
    struct listeners *l = &server->listeners;
    const char *path = getenv("MEMCACHED_PORT_FILENAME");
    l->retry = event_new(server->base, -1, 0, on_retry, server);
    for (size_t i = 0; i < l->n; i++) {
        if (!start_one(server, &l->all[i], why, nwhy))
            return false;
    }
    atomic_store(&l->accepting, true);
    tell_ports(server);
    if (path == NULL || write_ports(server, path))
        return true;
    snprintf(why, nwhy, "cannot write the ports to %s: %s", path, strerror(errno));
    return false;
}

void listeners_stop(struct server *server)
{
    struct listeners *l = &server->listeners;
    atomic_store(&l->accepting, false);
    if (l->retry != NULL)
        event_free(l->retry);
    for (size_t i = 0; i < l->n; i++) {
        if (l->all[i].event != NULL)
            event_free(l->all[i].event);
        close(l->all[i].fd);
    }
    if (l->unix_path != NULL)
        unlink(l->unix_path);
    free(l->unix_path);
    free(l->all);
    l->all = NULL;
    l->n = 0;
    l->retry = NULL;
    l->unix_path = NULL;
}

/* ---- addresses as text ---- */

static bool address_text(const struct sockaddr_storage *sa, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    switch (sa->ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(text, size, "tcp:%s:%u", host, ntohs(v4->sin_port));
        return true;
    case AF_INET6:
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(text, size, "tcp6:[%s]:%u", host, ntohs(v6->sin6_port));
        return true;
    case AF_UNIX:
        snprintf(text, size, "unix:%s", ((const struct sockaddr_un *)sa)->sun_path);
        return true;
    default:
        return false;
    }
}

bool listener_peer(int fd, char *text, size_t size)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    return getpeername(fd, (struct sockaddr *)&sa, &n) == 0 &&
           address_text(&sa, text, size);
}

bool listener_own(int fd, char *text, size_t size)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    text[0] = '\0';
    return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 &&
           address_text(&sa, text, size);
}
