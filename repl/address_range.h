/* Addresses and networks from which the peer may also connect: the option peer_from. */
#ifndef REPL_ADDRESS_RANGE_H
#define REPL_ADDRESS_RANGE_H

#include "repl/node_address.h"

struct address_range {
    struct address base;
    unsigned bits; /* of 128 that must be equal: IPv4 counts in its IPv6-mapped form */
};

enum { ADDRESS_RANGES = 16 };

struct address_ranges {
    struct address_range range[ADDRESS_RANGES];
    unsigned n;
};

/* "ADDR", "ADDR/BITS", separated by commas; numeric, IPv6 in brackets or not. False: why
 * says what is wrong. */
bool address_ranges_parse(const char *text, struct address_ranges *out, char *why,
                          size_t nwhy);
bool address_ranges_have(const struct address_ranges *ranges, const struct address *a);

#endif
