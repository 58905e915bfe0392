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

void repl_core_note(struct repl_core *c, enum history_kind kind, const char *format, ...)
{
    char text[HISTORY_TEXT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    history_note(&c->history, c->now_us, kind, text);
}

void core_event(struct repl_core *c, enum history_kind kind, enum repl_log level,
                const char *format, ...)
{
    char text[HISTORY_TEXT];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    c->port_ops->log(c->port, level, text);
    history_note(&c->history, c->now_us, kind, text);
}
