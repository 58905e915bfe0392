/*
 * Socket addresses: parses the words of -l, and formats sockets as text.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host_port.h"
#include "server/origin.h"

enum { ADDRESS_MAX = 192 };

/* The next word of a list that is separated by commas or blanks; used like strtok_r. */
char *address_next(char *list, char **save);

/* A word of -l: "notls:", "proto[ascii]:", both or neither, and the address. */
struct listen_address {
    bool notls, has_protocol;
    unsigned protocol; /* SETTINGS_PROTOCOL_..., if has_protocol */
    struct host_port at;
};

/* False if the word is none. */
bool address_parse(const char *word, struct listen_address *out);

/* "tcp:127.0.0.1:11211" or "unix:/path": the address of a socket's peer, and its own. */
bool address_peer(int fd, char *text, size_t size);
bool address_own(int fd, char *text, size_t size);

struct sockaddr_storage;
struct origin address_origin(const struct sockaddr_storage *sa);

/* The port that a socket is bound to, 0 if it has none. */
uint16_t address_port(int fd);

#endif
