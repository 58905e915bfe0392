#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/subcommands.h"
#include "ctl/keepalived.h"

struct keepalived_options {
#define OPTION_KEEPALIVED(name, type, preset, min, max, form, help)                      \
    OPTION_MEMBER_##type(name)
#include "ctl/ctl_option_rows.h"
};

static const struct option_row rows[] = {
#define OPTION_KEEPALIVED(name, type, preset, min, max, form, help)                      \
    OPTION_ROW(#name, 0, type, struct keepalived_options, name, preset, min, max, form,  \
               help),
#include "ctl/ctl_option_rows.h"
};

#define OPTION_KEEPALIVED(name, type, preset, min, max, form, help)                      \
    OPTION_WHOLE(#name, help)
#include "ctl/ctl_option_rows.h"

/* Indexed by the value of --profile. */
static const unsigned long advert_of_profile[] = { 100, 300 };

/* keepalived will run the program that wrote the file, which is this one. */
static void find_program(char *path, size_t npath)
{
    ssize_t n = readlink("/proc/self/exe", path, npath - 1);
    if (n <= 0)
        options_refuse("cannot find the path of mcreplctl in /proc/self/exe: is /proc "
                       "mounted?");
    path[n] = '\0';
}

static void print(const struct keepalived_conf *conf)
{
    char why[512];
    if (!keepalived_conf_check(conf, why, sizeof(why)))
        options_refuse("%s", why);
    keepalived_conf_print(conf, stdout);
    if (fflush(stdout) != 0)
        options_refuse("cannot write the configuration to standard output");
}

int keepalived_conf_command(struct common_options *common, int argc, char **argv)
{
    char program[512];
    struct keepalived_options given = { 0 };
    const struct option_table own = { rows, N_ELEMENTS(rows), &given };
    find_program(program, sizeof(program));
    options_after(common, &own, argc, argv);
    const struct keepalived_conf conf = {
        .vip = given.vip,
        .interface = given.interface,
        .self = given.self,
        .peer = given.peer,
        .name = given.name,
        .directory = given.dir,
        .fifo = given.fifo,
        .socket = common->socket != NULL ? common->socket : RUN_DIR "/11211.sock",
        .program = program,
        .vrid = given.vrid,
        .advert_ms = given.advert != 0 ? given.advert : advert_of_profile[given.profile],
        .multicast = given.multicast,
    };
    print(&conf);
    option_free(rows, N_ELEMENTS(rows), &given);
    return EXIT_SUCCESS;
}

void keepalived_conf_help(FILE *out)
{
    fputs("\nkeepalived-conf, with the node's socket in --socket (default: " RUN_DIR
          "/11211.sock):\n",
          out);
    option_help(rows, N_ELEMENTS(rows), out);
}
