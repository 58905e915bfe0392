/*
 * The log: one line an event on standard error, with the time in UTC and the level.
 * Warnings always, information from -v on, debugging from -vv on. Any thread.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

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
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

#endif
