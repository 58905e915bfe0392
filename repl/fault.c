/*
 * The last error, and what cures it. Most errors end when the nodes are in sync again;
 * those that a good link does not disprove end with the step that failed.
 */
#include <stdarg.h>
#include <stdio.h>

#include "repl/internal.h"

static void note(struct repl_core *c, enum repl_cure cure, const char *format, va_list ap)
{
    struct repl_fault *f = &c->fault;
    *f = (struct repl_fault){ .at_us = c->now_us,
                              .cure = cure,
                              .merges = c->count.merges,
                              .was_apart = !repl_core_in_sync(c) };
    vsnprintf(f->text, sizeof(f->text), format, ap);
    c->port_ops->log(c->port, REPL_LOG_WARNING, f->text);
}

void repl_core_fault(struct repl_core *c, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    note(c, CURE_IN_SYNC, format, ap);
    va_end(ap);
}

void repl_core_fault_until(struct repl_core *c, enum repl_cure cure, const char *format,
                           ...)
{
    va_list ap;
    va_start(ap, format);
    note(c, cure, format, ap);
    va_end(ap);
}

void repl_core_cured(struct repl_core *c, enum repl_cure cure)
{
    if (c->fault.cure == cure)
        c->fault = (struct repl_fault){ .text = "" };
}

/* In sync now, and not only still: they were not since, or they have merged anew. */
void fault_tick(struct repl_core *c)
{
    struct repl_fault *f = &c->fault;
    if (f->text[0] == '\0')
        return;
    if (!repl_core_in_sync(c))
        f->was_apart = true;
    else if (f->was_apart || f->merges != c->count.merges)
        repl_core_cured(c, CURE_IN_SYNC);
}
