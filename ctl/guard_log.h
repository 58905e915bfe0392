/* The guard's log, lines on standard error; and its exit codes. */
#ifndef CTL_GUARD_LOG_H
#define CTL_GUARD_LOG_H

/* priority: one of <syslog.h>. The journal has the time already; elsewhere the line has
 * it. */
void guard_say(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The exit code when a file cannot be made (errno): a full disk may get room again, so a
 * restart may help. A missing folder needs the operator: EX_CONFIG. */
int guard_exit_code(int error);

#endif
