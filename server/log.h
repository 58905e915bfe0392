/*
 * The log: one line per event on standard error, with the time in UTC and the level; or,
 * if the journal reads it, with the priority that the journal understands (<4> for a
 * warning). A warning names a cause and a remedy. Information is what an operator looks
 * for afterwards: start and end, roles, the link. Both are always shown, debugging from
 * -v on. Any thread.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdint.h>

#include <memcached/extension.h>
#include <memcached/extension_loggers.h>

void log_set_level(EXTENSION_LOG_LEVEL level);
EXTENSION_LOG_LEVEL log_get_level(void);

/* Converts a number of -v to a level, and the current level to that number. */
EXTENSION_LOG_LEVEL log_level_of(unsigned verbosity);
unsigned log_verbosity(void);

/* The logger that receives the lines; an extension may register another one. */
void log_set_logger(EXTENSION_LOGGER_DESCRIPTOR *logger);
EXTENSION_LOGGER_DESCRIPTOR *log_get_logger(void);

__attribute__((format(printf, 1, 2))) void log_warning(const char *fmt, ...);
/* The remedy where the system has no memory left. */
#define LOG_MORE_MEMORY "lower -m or -c, or give the machine more memory"
/* For lines that clients or a shortage could cause at any rate: writes one line of a kind
 * every few seconds, with the number of lines omitted before it. One static pace per
 * kind. */
struct log_pace {
    _Atomic int64_t next; /* monotonic second before which no line is written */
    _Atomic unsigned left_out;
};
__attribute__((format(printf, 2, 3))) void log_warning_paced(struct log_pace *pace,
                                                             const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void log_info_paced(struct log_pace *pace,
                                                          const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_debug(const char *fmt, ...);

#endif
