#include "ctl/guard_log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>

#include "base/service.h"

void guard_say(int priority, const char *format, ...)
{
    char line[512], at[32];
    const char *mark = service_mark(priority);
    struct timespec now;
    struct tm tm;
    va_list ap;
    va_start(ap, format);
    vsnprintf(line, sizeof(line), format, ap);
    va_end(ap);
    if (mark[0] != '\0') {
        fprintf(stderr, "%s%s\n", mark, line);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    fprintf(stderr, "%s.%03ldZ guard: %s\n", at, now.tv_nsec / 1000000, line);
}

int guard_exit_code(int error)
{
    return error == ENOSPC || error == EDQUOT ? EXIT_FAILURE : EX_CONFIG;
}
