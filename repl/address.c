#include "repl/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    unsigned long n = strtoul(text, &end, 10);
    if (*end != '\0' || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

static bool copy_host(struct host_port *out, const char *host, size_t n)
{
    if (n == 0 || n >= sizeof(out->host))
        return false;
    memcpy(out->host, host, n);
    out->host[n] = '\0';
    return true;
}

/* The host part, and in *rest what follows it: "" or ":PORT". */
static bool split(const char *text, struct host_port *out, const char **rest)
{
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL)
            return false;
        *rest = end + 1;
        return copy_host(out, text + 1, (size_t)(end - text - 1));
    }
    *rest = strchr(text, ':');
    if (*rest == NULL)
        *rest = text + strlen(text);
    else if (strchr(*rest + 1, ':') != NULL)
        return false; /* a bare IPv6 address: where would the port begin? */
    return copy_host(out, text, (size_t)(*rest - text));
}

bool address_parse_peer(const char *text, struct host_port *out, char *why, size_t nwhy)
{
    const char *rest;
    out->port = ADDRESS_PORT;
    if (split(text, out, &rest) &&
        (*rest == '\0' ||
         (*rest == ':' && parse_port(rest + 1, &out->port) && out->port != 0)))
        return true;
    snprintf(why, nwhy,
             "option 'peer' is HOST or HOST:PORT, with an IPv6 address in brackets, not "
             "'%s'",
             text);
    return false;
}

bool address_parse_listen(const char *text, struct host_port *out, char *why, size_t nwhy)
{
    const char *rest;
    out->host[0] = '\0';
    if (parse_port(text, &out->port))
        return true;
    if (split(text, out, &rest) && *rest == ':' && parse_port(rest + 1, &out->port))
        return true;
    snprintf(why, nwhy, "option 'listen' is PORT or ADDRESS:PORT, not '%s'", text);
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
    memset(out, 0, sizeof(*out)); /* both families have all zeros for it */
    out->any.sa_family = family;
    out->v4.sin_port = htons(port); /* at the same place in IPv6 */
    out->length = family == AF_INET6 ? sizeof(out->v6) : sizeof(out->v4);
}

/* The IPv4 address inside, plain or mapped; false if it is truly IPv6. */
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
