/*
 * How clients come in at a listener, and from where. A value: listeners pass it on to
 * their connections.
 */
#ifndef SERVER_ENTRANCE_H
#define SERVER_ENTRANCE_H

#include <stdbool.h>

#include "server/origin.h"

struct entrance {
    bool datagram;     /* UDP: one connection for all clients */
    bool tls;          /* encrypted */
    unsigned protocol; /* SETTINGS_PROTOCOL_... */
    struct origin origin;
};

#endif
