/*
 * The file of -Y: users and their passwords, one "user:password" a line, at most 8. They
 * are read at the start and on SIGHUP; if the file is bad then, the former ones stay.
 * Connections that have given their password keep their access.
 *
 * The main thread loads; any thread may ask.
 */
#ifndef SERVER_PASSWORDS_H
#define SERVER_PASSWORDS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { PASSWORDS_MAX = 8, PASSWORD_ROOM = 256 };

struct password_list {
    size_t n;
    char lines[PASSWORDS_MAX][PASSWORD_ROOM]; /* without newline, filled up with 0 */
};

struct passwords {
    pthread_mutex_t lock; /* guards the list */
    struct password_list list;
};

void passwords_init(struct passwords *p);
void passwords_fini(struct passwords *p);

/* False: why has the reason, which quotes nothing of the file; nothing was changed. */
bool passwords_load(struct passwords *p, const char *path, char *why, size_t nwhy);

/* The time that it takes does not depend on what is right. */
bool passwords_accept(struct passwords *p, const char *user, size_t nuser,
                      const char *password, size_t npassword);

#endif
