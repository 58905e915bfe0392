#include "repl/control_answer.h"

#include <event2/buffer.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

void answer_put(struct command_client *client, const char *kind, const char *format, ...)
{
    char text[400];
    va_list ap;
    if (client == NULL)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    /* The client waits for the rest of the answer: close, to show that none will
     * come. */
    if (evbuffer_add_printf(bufferevent_get_output(client->stream), "%s %s\n", kind,
                            text) < 0)
        shutdown(bufferevent_getfd(client->stream), SHUT_RDWR);
}
