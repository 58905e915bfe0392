#include "ctl/commands.h"
#include "ctl/guard.h"

enum { DIRECTORY = 0x100, FIFO, PERIOD }; /* options without a letter */

static void take(void *context, int val, const char *text)
{
    struct guard_config *config = context;
    switch (val) {
    case DIRECTORY:
        config->directory = text;
        break;
    case FIFO:
        config->fifo = text;
        break;
    default:
        config->period_ms = options_ms("period", text);
        break;
    }
}

int guard_command(struct common_options *common, int argc, char **argv)
{
    static const struct option rows[] = {
        { "dir", required_argument, NULL, DIRECTORY },
        { "fifo", required_argument, NULL, FIFO },
        { "period", required_argument, NULL, PERIOD },
        { NULL, 0, NULL, 0 },
    };
    struct guard_config config = { .directory = RUN_DIR, .period_ms = 20 };
    const struct own_options own = { rows, take, &config };
    options_after(common, &own, argc, argv);
    config.socket = common->socket;
    config.timeout_ms = common->timeout_ms != 0 ? common->timeout_ms : 100;
    return guard_run(&config);
}
