/* Commands with options of their own, which do more than ask the node one question.
 * argv[0] is the program; the options follow. They return the exit code. */
#ifndef CTL_SUBCOMMANDS_H
#define CTL_SUBCOMMANDS_H

#include "ctl/options.h"

int status_command(struct common_options *common, int argc, char **argv);
int health_command(struct common_options *common, int argc, char **argv);
int history_command(struct common_options *common, int argc, char **argv);
int pause_command(struct common_options *common, int argc, char **argv);
int peer_command(struct common_options *common, int argc, char **argv);

int guard_command(struct common_options *common, int argc, char **argv);
void guard_help(FILE *out);

int keepalived_conf_command(struct common_options *common, int argc, char **argv);
void keepalived_conf_help(FILE *out);

int secret_command(struct common_options *common, int argc, char **argv);

int dump_command(struct common_options *common, int argc, char **argv);
int load_command(struct common_options *common, int argc, char **argv);
void load_help(FILE *out);

#endif
