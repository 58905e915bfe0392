/*
 * The process itself: limits, user, background, pid file. Main thread, at start and
 * end. Errors are sentences for the user, in `why`.
 */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/settings.h"

/* Enough descriptors for -c. */
bool process_raise_limits(const struct settings *s, char *why, size_t nwhy);
/* root has to say which user is meant; and that user has to exist. */
bool process_check_user(const struct settings *s, char *why, size_t nwhy);
/* Warns if the machine, or the control group, has less memory than -m and what goes with
 * it. */
void process_check_memory(const struct settings *s);
bool process_change_user(const struct settings *s, char *why, size_t nwhy);
bool process_lock_memory(const struct settings *s, char *why, size_t nwhy);

/* -d: goes on in a child, before any thread exists. The parent stays until
 * process_ready, so that its exit code tells how the start went. */
bool process_daemonize(const struct settings *s, int *ready_fd, char *why, size_t nwhy);
void process_ready(const struct settings *s, int ready_fd);

bool process_write_pidfile(const struct settings *s, char *why, size_t nwhy);
/* Only the one that this process has written. */
void process_remove_pidfile(const struct settings *s);

#endif
