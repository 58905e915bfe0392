/*
 * Network addresses as users write them: a name, an IPv4 address or an IPv6 address in
 * brackets, optionally followed by :PORT.
 */
#ifndef BASE_HOST_PORT_H
#define BASE_HOST_PORT_H

#include <stdbool.h>
#include <stdint.h>

enum { HOST_ROOM = 256 };

struct host_port {
    char host[HOST_ROOM]; /* without brackets; empty: none was given */
    bool has_port;
    bool is_bare_v6; /* an IPv6 address without brackets: all of it is the host */
    uint16_t port;   /* if has_port */
};

/* False if the text is none of these, or the host is too long. */
bool host_port_parse(const char *text, struct host_port *out);
/* Digits only, up to 65535. */
bool host_port_parse_port(const char *text, uint16_t *port);

#endif
