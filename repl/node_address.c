#include "repl/node_address.h"

#include <arpa/inet.h>
#include <linux/in6.h>
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
    if (text[0] == '\0') {
        snprintf(
            why, nwhy,
            "option 'peer' is empty: name the other node of the pair, HOST or "
            "HOST:PORT (PEER in /etc/default/mcd, for the unit mcd@PORT); for a node "
            "without a peer leave the option out (the unit mcd)");
        return false;
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

void address_bytes(const struct address *a, uint8_t bytes[ADDRESS_BYTES])
{
    static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    if (a->any.sa_family == AF_INET6) {
        memcpy(bytes, &a->v6.sin6_addr, ADDRESS_BYTES);
        return;
    }
    memcpy(bytes, mapped, sizeof(mapped));
    memcpy(bytes + sizeof(mapped), &a->v4.sin_addr, ADDRESS_BYTES - sizeof(mapped));
}

bool address_same_host(const struct address *a, const struct address *b)
{
    uint8_t a_bytes[ADDRESS_BYTES], b_bytes[ADDRESS_BYTES];
    address_bytes(a, a_bytes);
    address_bytes(b, b_bytes);
    return memcmp(a_bytes, b_bytes, ADDRESS_BYTES) == 0;
}

bool address_is_loopback(const struct address *a)
{
    struct in_addr v4;
    if (as_v4(a, &v4))
        return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

bool address_is_vague(const struct address *a)
{
    struct in_addr v4;
    if (!as_v4(a, &v4))
        return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr) ||
               IN6_IS_ADDR_MULTICAST(&a->v6.sin6_addr);
    uint32_t bits = ntohl(v4.s_addr);
    return bits == INADDR_ANY || bits == INADDR_BROADCAST || IN_MULTICAST(bits);
}

void address_prefer_lasting(int fd, sa_family_t family)
{
    int lasting = IPV6_PREFER_SRC_PUBLIC;
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_ADDR_PREFERENCES, &lasting, sizeof(lasting));
}

/* True if it is IPv4, plain or mapped. */
static bool format_host(const struct address *a, char text[ADDRESS_TEXT])
{
    struct in_addr v4;
    bool is_v4 = as_v4(a, &v4);
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6,
                  is_v4 ? (const void *)&v4 : (const void *)&a->v6.sin6_addr, text,
                  ADDRESS_TEXT) == NULL)
        snprintf(text, ADDRESS_TEXT, "?");
    return is_v4;
}

void address_format_host(const struct address *a, char text[ADDRESS_TEXT])
{
    format_host(a, text);
}

void address_format(const struct address *a, char text[ADDRESS_TEXT])
{
    char host[ADDRESS_TEXT];
    unsigned port = ntohs(a->v4.sin_port); /* at the same place in IPv6 */
    if (format_host(a, host))
        snprintf(text, ADDRESS_TEXT, "%.60s:%u", host, port);
    else
        snprintf(text, ADDRESS_TEXT, "[%.60s]:%u", host, port);
}
