/* Addresses of nodes, as options name them and as sockets use them. */
#ifndef REPL_NODE_ADDRESS_H
#define REPL_NODE_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/host_port.h"

enum { ADDRESS_TEXT = 80, ADDRESS_BYTES = 16, ADDRESS_PORT = 11212 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage room;
    };
    socklen_t length;
};

/* Parse peer=HOST[:PORT] and listen=[ADDR:]PORT. False: why says what is wrong. */
bool address_parse_peer(const char *text, struct host_port *out, char *why, size_t nwhy);
bool address_parse_listen(const char *text, struct host_port *out, char *why,
                          size_t nwhy);

/* Parse a numeric address, without asking a name server. False if it is a name. */
bool address_numeric(const char *host, uint16_t port, struct address *out);

/* The address that stands for all local ones of a family, AF_INET or AF_INET6. */
void address_any(sa_family_t family, uint16_t port, struct address *out);

/* Do both name the same host, whatever the port? An IPv4 address and its IPv6-mapped
 * form do. */
bool address_same_host(const struct address *a, const struct address *b);

/* Is it an address that only this host can reach? */
/* Does it stand for no machine, or for many: 0.0.0.0, broadcast, multicast? */
bool address_is_vague(const struct address *a);
bool address_is_loopback(const struct address *a);

/* The host in IPv6's form, an IPv4 address mapped. */
void address_bytes(const struct address *a, uint8_t bytes[ADDRESS_BYTES]);

/* Let what this socket dials not come from one of IPv6's temporary addresses: the peer
 * knows this machine by a lasting one. */
void address_prefer_lasting(int fd, sa_family_t family);

/* "10.0.0.2", "::1" */
void address_format_host(const struct address *a, char text[ADDRESS_TEXT]);
/* "10.0.0.2:11212", "[::1]:11212" */
void address_format(const struct address *a, char text[ADDRESS_TEXT]);

#endif
