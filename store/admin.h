/* The extension for operators (engine_admin.h). */
#ifndef STORE_ADMIN_H
#define STORE_ADMIN_H

#include <memcached/engine_admin.h>

extern const struct engine_admin admin_rows;

#endif
