#include "ctl/help.h"

void help_all(FILE *out, const struct ctl_command *commands, size_t n)
{
    fputs("Usage: mcreplctl [-s SOCKET] [-t MS] COMMAND [OPTION]...\n\n", out);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "  %-15s %s\n", commands[i].name, commands[i].brief);
    fputc('\n', out);
    options_help(out);
    fputs("\n'mcreplctl help COMMAND' tells more of one. Exit code: 0: done, or yes. 1: "
          "refused, or no. 2: wrong usage. 3: the node does not answer.\n",
          out);
}

void help_one(FILE *out, const struct ctl_command *command)
{
    fprintf(out, "Usage: mcreplctl %s%s%s\n\n%s.\n", command->name,
            command->words[0] != '\0' ? " " : "", command->words, command->brief);
    if (command->more[0] != '\0')
        fprintf(out, "\n%s\n", command->more);
    if (command->options != NULL) {
        fputc('\n', out);
        command->options(out);
    }
    fputc('\n', out);
    options_help(out);
}
