/*
 * The process itself: limits, user, background, pid file. Main thread, at start and at
 * the end. Errors are sentences for the user, in `why`.
 */
#ifndef SERVER_PROCESS_H
#define SERVER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/settings.h"

/* Provides enough descriptors for -c, and core files for -r. */
bool process_raise_limits(const struct settings *s, char *why, size_t nwhy);
/* When started as root, the user must be named (-u) and must exist. */
bool process_check_user(const struct settings *s, char *why, size_t nwhy);
/* Warns if the machine or the control group has less memory than -m and the rest of the
 * process need. */
void process_check_memory(const struct settings *s);
bool process_change_user(const struct settings *s, char *why, size_t nwhy);
bool process_lock_memory(const struct settings *s, char *why, size_t nwhy);

/* -d: continues in a child, before any thread exists. The parent waits until
 * process_ready, so that its exit code shows whether the start succeeded. */
bool process_daemonize(const struct settings *s, int *ready_fd, char *why, size_t nwhy);
void process_ready(const struct settings *s, int ready_fd);

bool process_write_pidfile(const struct settings *s, char *why, size_t nwhy);
/* Removes the file only if this process has written it. */
void process_remove_pidfile(const struct settings *s);

#endif
