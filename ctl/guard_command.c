#include "base/check.h"
#include "ctl/subcommands.h"
#include "ctl/guard.h"

struct guard_options {
#define OPTION_GUARD(name, member, type, preset, min, max, form, help)                   \
    OPTION_MEMBER_##type(member)
#include "ctl/ctl_option_rows.h"
};

static const struct option_row rows[] = {
#define OPTION_GUARD(name, member, type, preset, min, max, form, help)                   \
    OPTION_ROW(name, 0, type, struct guard_options, member, preset, min, max, form, help),
#include "ctl/ctl_option_rows.h"
};

#define OPTION_GUARD(name, member, type, preset, min, max, form, help)                   \
    OPTION_WHOLE(name, help)
#include "ctl/ctl_option_rows.h"

int guard_command(struct common_options *common, int argc, char **argv)
{
    struct guard_options given = { 0 };
    const struct option_table own = { rows, N_ELEMENTS(rows), &given };
    options_after(common, &own, argc, argv);
    const struct guard_config config = {
        .socket = common->socket,
        .directory = given.dir,
        .fifo = given.fifo,
        .period_ms = (unsigned)given.period,
        .timeout_ms = common->timeout != 0 ? (unsigned)common->timeout : 100,
        .hooks = { given.on_active, given.on_standby, (unsigned)given.hook_limit },
    };
    int code = guard_run(&config);
    option_free(rows, N_ELEMENTS(rows), &given);
    return code;
}

void guard_help(FILE *out)
{
    fputs("\nguard:\n", out);
    option_help(rows, N_ELEMENTS(rows), out);
}
