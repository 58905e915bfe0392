#include "server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/check.h"
#include "server/settings.h"

char *address_next(char *list, char **save)
{
    return strtok_r(list, ", ", save);
}

/* Passes a prefix; false if the text does not begin with it. */
static bool pass(const char **text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(*text, prefix, n) != 0)
        return false;
    *text += n;
    return true;
}

static bool pass_protocol(const char **text, unsigned *protocol)
{
    static const char *const words[] = {
        [SETTINGS_PROTOCOL_AUTO] = "proto[negotiating]:",
        [SETTINGS_PROTOCOL_ASCII] = "proto[ascii]:",
        [SETTINGS_PROTOCOL_BINARY] = "proto[binary]:",
    };
    for (*protocol = 0; *protocol < N_ELEMENTS(words); ++*protocol) {
        if (pass(text, words[*protocol]))
            return true;
    }
    return false;
}

bool address_parse(const char *word, struct listen_address *out)
{
    *out = (struct listen_address){ .notls = pass(&word, "notls:") };
    out->has_protocol = pass_protocol(&word, &out->protocol);
    return *word != '\0' && host_port_parse(word, &out->at);
}

struct origin address_origin(const struct sockaddr_storage *sa)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    struct origin o = { .family = (uint8_t)sa->ss_family };
    if (sa->ss_family == AF_INET) {
        memcpy(o.at, &v4->sin_addr, sizeof(v4->sin_addr));
        o.port = ntohs(v4->sin_port);
    } else if (sa->ss_family == AF_INET6) {
        memcpy(o.at, &v6->sin6_addr, sizeof(v6->sin6_addr));
        o.port = ntohs(v6->sin6_port);
    }
    return o;
}

uint16_t address_port(int fd)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    if (getsockname(fd, (struct sockaddr *)&sa, &n) != 0)
        return 0;
    if (sa.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&sa)->sin6_port);
    return sa.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&sa)->sin_port) : 0;
}

static bool is_datagram(int fd)
{
    int type = 0;
    socklen_t n = sizeof(type);
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_DGRAM;
}

static bool address_text(int fd, const struct sockaddr_storage *sa, char *text,
                         size_t size)
{
    const char *kind = is_datagram(fd) ? "udp" : "tcp";
    char host[INET6_ADDRSTRLEN];
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;
    switch (sa->ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        snprintf(text, size, "%s:%s:%u", kind, host, ntohs(v4->sin_port));
        return true;
    case AF_INET6:
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        snprintf(text, size, "%s6:[%s]:%u", kind, host, ntohs(v6->sin6_port));
        return true;
    case AF_UNIX:
        snprintf(text, size, "unix:%s", ((const struct sockaddr_un *)sa)->sun_path);
        return true;
    default:
        return false;
    }
}

bool address_peer(int fd, char *text, size_t size)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    return getpeername(fd, (struct sockaddr *)&sa, &n) == 0 &&
           address_text(fd, &sa, text, size);
}

bool address_own(int fd, char *text, size_t size)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t n = sizeof(sa);
    text[0] = '\0';
    return getsockname(fd, (struct sockaddr *)&sa, &n) == 0 &&
           address_text(fd, &sa, text, size);
}
