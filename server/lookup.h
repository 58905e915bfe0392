/* The answer with an item's value. The worker's thread. */
#ifndef SERVER_LOOKUP_H
#define SERVER_LOOKUP_H

#include "server/connection.h"
#include "server/verdict.h"

/* Answers with the item, and what `res` says besides. Takes over the reference. */
enum verdict lookup_answer(struct connection *c, item *it, struct response *res);

#endif
