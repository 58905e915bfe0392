/* One question to the node, with what went wrong told to the user. */
#ifndef CTL_CONVERSE_H
#define CTL_CONVERSE_H

#include "ctl/ask.h"
#include "ctl/options.h"

/* Asks, and says what went wrong. figure: as in ask_command; may be NULL. True: the node
 * said OK or NO, and *text has its answer, which is valid until ask_close. *code is the
 * exit code. Call ask_close in any case. */
bool converse(const struct common_options *common, struct ask *ask, const char *line,
              ask_figure figure, void *context, const char **text, int *code);

#endif
