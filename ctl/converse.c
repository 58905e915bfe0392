#include "ctl/converse.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 2000 };

bool converse(const struct common_options *common, struct ask *ask, const char *line,
              ask_figure figure, void *context, const char **text, int *code)
{
    unsigned ms = common->timeout != 0 ? (unsigned)common->timeout : TIMEOUT_MS;
    if (!ask_open(ask, common->socket, ms)) {
        fprintf(stderr, "mcreplctl: %s\n", ask->why);
        *code = EXIT_UNREACHABLE;
        return false;
    }
    enum answer answer = ask_command(ask, line, figure, NULL, context, text);
    *code = answer == ANSWER_OK       ? EXIT_SUCCESS
            : answer == ANSWER_FAILED ? EXIT_UNREACHABLE
                                      : EXIT_NOT;
    if (answer == ANSWER_OK || answer == ANSWER_NO)
        return true;
    fprintf(stderr, "mcreplctl: %s\n", *text);
    return false;
}
