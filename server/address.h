/*
 * Socket addresses: words of -l to host and port, sockets to text.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_MAX = 192 };

/* One word of -l: NAME, IPV4, [IPV6], each with :PORT if wanted, or a bare IPv6 address.
 * Cuts the word up in place; host is NULL for "all", port if none was given. False if
 * it is none of these. */
bool address_split(char *word, char **host, char **port);

/* The next word of a list, parted by commas or blanks: as strtok_r. */
char *address_next(char *list, char **save);
/* Such words, one at least, and nothing else. */
bool address_list_is_valid(const char *list);

/* "tcp:127.0.0.1:11211", "unix:/path": of a socket's other end, and of its own. */
bool address_peer(int fd, char *text, size_t size);
bool address_own(int fd, char *text, size_t size);

/* The port that a socket is bound to, 0 if it has none. */
uint16_t address_port(int fd);

#endif
