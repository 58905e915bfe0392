#include "repl/node_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

/* A bare IPv6 address is refused, because one cannot tell where a port would begin. */
static bool parse(const char *text, struct host_port *out)
{
    return host_port_parse(text, out) && out->host[0] != '\0' && !out->is_bare_v6;
}

bool address_parse_peer(const char *text, struct host_port *out, char *why, size_t nwhy)
{
    if (parse(text, out) && !(out->has_port && out->port == 0)) {
        if (!out->has_port)
            out->port = ADDRESS_PORT;
        return true;
    }
    snprintf(why, nwhy,
             "option 'peer' must be HOST or HOST:PORT, with an IPv6 address in brackets, "
             "not '%s'",
             text);
    return false;
}

bool address_parse_listen(const char *text, struct host_port *out, char *why, size_t nwhy)
{
    *out = (struct host_port){ .has_port = true };
    if (host_port_parse_port(text, &out->port) || (parse(text, out) && out->has_port))
        return true;
    snprintf(why, nwhy, "option 'listen' must be PORT or ADDRESS:PORT, not '%s'", text);
    return false;
}

bool address_numeric(const char *host, uint16_t port, struct address *out)
{
    struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return false;
    memset(out, 0, sizeof(*out));
    memcpy(&out->room, found->ai_addr, found->ai_addrlen);
    out->length = found->ai_addrlen;
    freeaddrinfo(found);
    if (out->any.sa_family == AF_INET6)
        out->v6.sin6_port = htons(port);
    else
        out->v4.sin_port = htons(port);
    return true;
}

void address_any(sa_family_t family, uint16_t port, struct address *out)
{
    memset(out, 0, sizeof(*out)); /* in both families that address is all zeros */
    out->any.sa_family = family;
    out->v4.sin_port = htons(port); /* at the same place in IPv6 */
    out->length = family == AF_INET6 ? sizeof(out->v6) : sizeof(out->v4);
}

/* The IPv4 address, plain or mapped into IPv6; false if it is a real IPv6 address. */
static bool as_v4(const struct address *a, struct in_addr *v4)
{
    if (a->any.sa_family == AF_INET) {
        *v4 = a->v4.sin_addr;
        return true;
    }
    if (!IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
        return false;
    memcpy(v4, &a->v6.sin6_addr.s6_addr[12], sizeof(*v4));
    return true;
}

bool address_same_host(const struct address *a, const struct address *b)
{
    struct in_addr a4, b4;
    bool is_a4 = as_v4(a, &a4), is_b4 = as_v4(b, &b4);
    if (is_a4 || is_b4)
        return is_a4 && is_b4 && a4.s_addr == b4.s_addr;
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

void address_format(const struct address *a, char text[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "?";
    struct in_addr v4;
    if (as_v4(a, &v4)) {
        uint16_t port = a->any.sa_family == AF_INET ? a->v4.sin_port : a->v6.sin6_port;
        inet_ntop(AF_INET, &v4, host, sizeof(host));
        snprintf(text, ADDRESS_TEXT, "%s:%u", host, ntohs(port));
        return;
    }
    inet_ntop(AF_INET6, &a->v6.sin6_addr, host, sizeof(host));
    snprintf(text, ADDRESS_TEXT, "[%s]:%u", host, ntohs(a->v6.sin6_port));
}
