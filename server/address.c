#include "server/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/host_port.h"

char *address_next(char *list, char **save)
{
    return strtok_r(list, ", ", save);
}

bool address_list_is_valid(const char *list)
{
    struct host_port at;
    char *save = NULL, *copy = strdup(list);
    char *word = copy != NULL ? address_next(copy, &save) : NULL;
    bool valid = word != NULL;
    for (; valid && word != NULL; word = address_next(NULL, &save))
        valid = host_port_parse(word, &at);
    free(copy);
    return valid;
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
