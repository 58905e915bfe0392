#include <stdarg.h>
#include <stdio.h>

#include "repl/internal.h"

void core_log(struct repl_core *c, enum repl_log level, const char *format, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    c->port_ops->log(c->port, level, text);
}

void repl_core_fault(struct repl_core *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(c->last_error, sizeof(c->last_error), format, ap);
    va_end(ap);
    c->port_ops->log(c->port, REPL_LOG_WARNING, c->last_error);
}
