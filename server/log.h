/*
 * The log: one line an event on standard error, with the time in UTC and the level.
 * Warnings always, information from -v on, debugging from -vv on. Any thread.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdint.h>

#include <memcached/extension.h>
#include <memcached/extension_loggers.h>

void log_set_level(EXTENSION_LOG_LEVEL level);
EXTENSION_LOG_LEVEL log_get_level(void);

/* How many -v a level answers to, and back. */
EXTENSION_LOG_LEVEL log_level_of(unsigned verbosity);
unsigned log_verbosity(void);

/* The logger that gets the lines; replaced when an extension registers another. */
void log_set_logger(EXTENSION_LOGGER_DESCRIPTOR *logger);
EXTENSION_LOGGER_DESCRIPTOR *log_get_logger(void);

__attribute__((format(printf, 1, 2))) void log_warning(const char *fmt, ...);
/* For what clients or a shortage could bring about at any rate: a line of a kind each few
 * seconds, which says how many were left out before it. One static pace a kind. */
struct log_pace {
    _Atomic int64_t next; /* second of the monotonic clock before which nothing is said */
    _Atomic unsigned left_out;
};
__attribute__((format(printf, 2, 3))) void log_warning_paced(struct log_pace *pace,
                                                             const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

#endif
