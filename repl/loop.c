#include "repl/loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/monotonic.h"

void loop_log(struct repl_thread *t, enum repl_log level, const char *format, ...)
{
    char text[320], more[360];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    uint32_t times = repeats_note(&t->repeats, text, monotonic_us());
    if (times == 0)
        return;
    snprintf(more, sizeof(more), "%s (%u times by now)", text, times);
    t->config.log(t->config.log_context, level, times == 1 ? text : more);
}

void loop_wake(struct repl_thread *t)
{
    uint64_t one = 1;
    (void)!write(t->wake_fd, &one, sizeof(one));
}
