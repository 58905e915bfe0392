/*
 * Keys in lines for people and tools: what is not a letter, a digit or one of -._~ is
 * written as %NN, as in a URI.
 */
#ifndef SERVER_URI_H
#define SERVER_URI_H

#include <stddef.h>

/* Needs room for 3 * nkey characters; returns what follows the last one. */
char *uri_encode(char *to, const void *key, size_t nkey);

#endif
