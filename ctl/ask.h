/*
 * A conversation with a node over its control socket; repl/control.h has the protocol.
 * All functions may wait, up to the time-out.
 */
#ifndef CTL_ASK_H
#define CTL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

struct ask {
    FILE *stream; /* reads what the node says */
    char path[108];
    char line[512];                 /* the last line read */
    char why[300];                  /* what went wrong, for the user */
    bool has_ended;                 /* it went wrong because the connection ended */
    bool (*wait_on)(void *context); /* see ask_patience */
    void *wait_context;
};

enum answer { ANSWER_OK, ANSWER_NO, ANSWER_ERROR, ANSWER_FAILED };

/* path NULL: the only socket in the usual place. False: ask->why says why. */
bool ask_open(struct ask *ask, const char *path, unsigned timeout_ms);
void ask_close(struct ask *ask);
/* Replace the time-out: call wait_on each time that each_ms have passed without an
 * answer, and go on waiting while it returns true. */
void ask_patience(struct ask *ask, unsigned each_ms, bool (*wait_on)(void *context),
                  void *context);
/* The process that serves the socket; -1 if it is not known. */
pid_t ask_pid(const struct ask *ask);

/* Send the command and read up to the line that ends the answer. *text is that line's
 * text, or why there is no answer; it is valid until the next call. figure and step may
 * be NULL. */
typedef void (*ask_figure)(void *context, const char *name, const char *value);
typedef void (*ask_step)(void *context, const char *text);
enum answer ask_command(struct ask *ask, const char *command, ask_figure figure,
                        ask_step step, void *context, const char **text);

#endif
