/*
 * Socket addresses: the words of -l, and sockets to text.
 */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_MAX = 192 };

/* The next word of a list, parted by commas or blanks: as strtok_r. */
char *address_next(char *list, char **save);
/* Words that host_port_parse takes, one at least, and nothing else. */
bool address_list_is_valid(const char *list);

/* "tcp:127.0.0.1:11211", "unix:/path": of a socket's other end, and of its own. */
bool address_peer(int fd, char *text, size_t size);
bool address_own(int fd, char *text, size_t size);

/* The port that a socket is bound to, 0 if it has none. */
uint16_t address_port(int fd);

#endif
