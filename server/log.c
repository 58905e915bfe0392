#include "server/log.h"

#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/monotonic.h"
#include "base/service.h"

enum { LINE_MAX_BYTES = 2048, PACE_SECONDS = 10 };

static const char *stderr_name(void)
{
    return "standard error";
}

static const struct {
    int priority; /* of <syslog.h>, for the journal */
    const char *name;
} levels[] = {
    [EXTENSION_LOG_DETAIL] = { LOG_DEBUG, "DETAIL" },
    [EXTENSION_LOG_DEBUG] = { LOG_DEBUG, "DEBUG" },
    [EXTENSION_LOG_INFO] = { LOG_INFO, "INFO" },
    [EXTENSION_LOG_WARNING] = { LOG_WARNING, "WARNING" },
};

/* The reader of standard error may be slow or stuck; the server does not wait for it. A
 * line is at most a page, so a pipe that polls as writable accepts a whole line. */
static bool is_taken(const char *line, size_t n)
{
    struct pollfd to = { .fd = STDERR_FILENO, .events = POLLOUT };
    return poll(&to, 1, 0) == 1 && (to.revents & POLLOUT) &&
           write(STDERR_FILENO, line, n) == (ssize_t)n;
}

/* Writes each line with one write(2), one line at a time. */
static void put_line(const char *line, size_t n)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static unsigned lost;
    char gap[80];
    AZ(pthread_mutex_lock(&lock));
    int ngap =
        snprintf(gap, sizeof(gap), "%s(%u lines are lost here: the reader was slow)\n",
                 service_mark(LOG_WARNING), lost);
    if (lost > 0 && is_taken(gap, (size_t)ngap))
        lost = 0;
    if (lost > 0 || !is_taken(line, n))
        lost++;
    AZ(pthread_mutex_unlock(&lock));
}

/* How a line begins: for the journal with its priority, else with time and level. */
static size_t begin_line(EXTENSION_LOG_LEVEL level, char *line, size_t size)
{
    unsigned row = level < EXTENSION_LOG_WARNING ? level : EXTENSION_LOG_WARNING;
    const char *mark = service_mark(levels[row].priority);
    struct tm utc;
    time_t now = time(NULL);
    if (mark[0] != '\0')
        return (size_t)snprintf(line, size, "%s", mark);
    gmtime_r(&now, &utc);
    size_t n = strftime(line, size, "%Y-%m-%dT%H:%M:%SZ ", &utc);
    return n + (size_t)snprintf(line + n, size - n, "%s ", levels[row].name);
}

static void write_line(EXTENSION_LOG_LEVEL level, const char *fmt, va_list args)
{
    char line[LINE_MAX_BYTES];
    size_t n = begin_line(level, line, sizeof(line));
    int text = vsnprintf(line + n, sizeof(line) - n - 1, fmt, args);
    if (text < 0)
        return;
    n += (size_t)text;
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    while (n > 0 && line[n - 1] == '\n') /* some engines end lines, others do not */
        n--;
    line[n++] = '\n';
    put_line(line, n);
}

__attribute__((format(printf, 3, 4))) static void
stderr_log(EXTENSION_LOG_LEVEL level, const void *cookie, const char *fmt, ...)
{
    va_list args;
    (void)cookie;
    va_start(args, fmt);
    write_line(level, fmt, args);
    va_end(args);
}

static const char *null_name(void)
{
    return "null";
}

__attribute__((format(printf, 3, 4))) static void
null_log(EXTENSION_LOG_LEVEL level, const void *cookie, const char *fmt, ...)
{
    (void)level;
    (void)cookie;
    (void)fmt;
}

static EXTENSION_LOGGER_DESCRIPTOR stderr_logger = { stderr_name, stderr_log };
static EXTENSION_LOGGER_DESCRIPTOR null_logger = { null_name, null_log };
static EXTENSION_LOGGER_DESCRIPTOR *_Atomic current = &stderr_logger;
static _Atomic EXTENSION_LOG_LEVEL lowest = EXTENSION_LOG_INFO;

EXTENSION_LOGGER_DESCRIPTOR *get_stderr_logger(void)
{
    return &stderr_logger;
}

EXTENSION_LOGGER_DESCRIPTOR *get_null_logger(void)
{
    return &null_logger;
}

void log_set_logger(EXTENSION_LOGGER_DESCRIPTOR *logger)
{
    atomic_store(&current, logger != NULL ? logger : &stderr_logger);
}

EXTENSION_LOGGER_DESCRIPTOR *log_get_logger(void)
{
    return atomic_load(&current);
}

void log_set_level(EXTENSION_LOG_LEVEL level)
{
    atomic_store(&lowest, level);
}

EXTENSION_LOG_LEVEL log_get_level(void)
{
    return atomic_load_explicit(&lowest, memory_order_relaxed);
}

EXTENSION_LOG_LEVEL log_level_of(unsigned verbosity)
{
    return verbosity == 0   ? EXTENSION_LOG_INFO
           : verbosity == 1 ? EXTENSION_LOG_DEBUG
                            : EXTENSION_LOG_DETAIL;
}

unsigned log_verbosity(void)
{
    EXTENSION_LOG_LEVEL level = log_get_level();
    return level < EXTENSION_LOG_INFO ? EXTENSION_LOG_INFO - level : 0;
}

/* The logger takes a format and no va_list, so the text is formatted here. */
static void log_text(EXTENSION_LOG_LEVEL level, const char *fmt, va_list args)
{
    char text[LINE_MAX_BYTES];
    if (level < log_get_level())
        return;
    vsnprintf(text, sizeof(text), fmt, args);
    log_get_logger()->log(level, NULL, "%s", text);
}

void log_warning(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(EXTENSION_LOG_WARNING, fmt, args);
    va_end(args);
}

/* If several threads ask at the same time, it is true for one of them. */
static bool is_due(struct log_pace *pace)
{
    int64_t now = (int64_t)(monotonic_us() / 1000000), next = atomic_load(&pace->next);
    if (now >= next &&
        atomic_compare_exchange_strong(&pace->next, &next, now + PACE_SECONDS))
        return true;
    atomic_fetch_add(&pace->left_out, 1);
    return false;
}

static void log_paced(EXTENSION_LOG_LEVEL level, struct log_pace *pace, const char *fmt,
                      va_list args)
{
    char text[LINE_MAX_BYTES];
    if (level < log_get_level() || !is_due(pace))
        return;
    unsigned left_out = atomic_exchange(&pace->left_out, 0);
    vsnprintf(text, sizeof(text), fmt, args);
    if (left_out > 0)
        log_get_logger()->log(
            level, NULL, "%s (%u similar lines omitted before this one)", text, left_out);
    else
        log_get_logger()->log(level, NULL, "%s", text);
}

void log_warning_paced(struct log_pace *pace, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_paced(EXTENSION_LOG_WARNING, pace, fmt, args);
    va_end(args);
}

void log_info_paced(struct log_pace *pace, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_paced(EXTENSION_LOG_INFO, pace, fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(EXTENSION_LOG_INFO, fmt, args);
    va_end(args);
}

void log_debug(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    log_text(EXTENSION_LOG_DEBUG, fmt, args);
    va_end(args);
}
