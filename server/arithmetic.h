/* The host's own arithmetic: for engines without it, and for requests with a CAS. */
#ifndef SERVER_ARITHMETIC_H
#define SERVER_ARITHMETIC_H

#include "server/connection.h"

ENGINE_ERROR_CODE command_arithmetic(struct connection *c, struct response *res);

#endif
