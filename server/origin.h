/*
 * Where a client comes from. A value, as a listener learned it when it accepted the
 * client: a socket whose peer has broken off cannot be asked any more.
 */
#ifndef SERVER_ORIGIN_H
#define SERVER_ORIGIN_H

#include <stdint.h>

struct origin {
    uint8_t family; /* AF_INET, AF_INET6; others have no address */
    uint8_t at[16]; /* the address, in network byte order */
    uint16_t port;
};

#endif
