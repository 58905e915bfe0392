/*
 * A conversation with a node over its control socket (repl/control.h says what is
 * spoken). All functions may wait, up to the time-out.
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct ask {
    FILE *stream; /* what the node says */
    char path[108];
    char line[512];                 /* the last one read */
    char why[300];                  /* what went wrong, for the user */
    bool has_ended;                 /* it was the connection */
    bool (*wait_on)(void *context); /* see ask_patience */
    void *wait_context;
};

enum answer { ANSWER_OK, ANSWER_NO, ANSWER_ERROR, ANSWER_FAILED };

/* path NULL: the only socket in the usual place. False: ask->why. */
bool ask_open(struct ask *ask, const char *path, unsigned timeout_ms);
void ask_close(struct ask *ask);
/* Not to give up an answer after the time-out, but each time that it is so much later to
 * ask wait_on whether to wait on. */
void ask_patience(struct ask *ask, unsigned each_ms, bool (*wait_on)(void *context),
                  void *context);
/* The process that serves the socket. */
pid_t ask_pid(const struct ask *ask);

/* Send the command and read up to the line that ends the answer; its text, or why there
 * is none, is in *text until the next call. figure and step may be NULL. */
typedef void (*ask_figure)(void *context, const char *name, const char *value);
typedef void (*ask_step)(void *context, const char *text);
enum answer ask_command(struct ask *ask, const char *command, ask_figure figure,
                        ask_step step, void *context, const char **text);

#endif
