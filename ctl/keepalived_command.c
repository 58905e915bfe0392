#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/commands.h"
#include "ctl/keepalived.h"

/* Options without a letter; first those that are kept as they are. */
enum {
    TEXT = 0x100,
    VIP = TEXT,
    INTERFACE,
    SELF,
    PEER,
    NAME,
    DIR,
    FIFO,
    MULTICAST,
    PROFILE,
    ADVERT,
    VRID,
};

#define ADVERT_NOT_GIVEN (~0ul)

static const struct {
    const char *name;
    unsigned long advert_ms;
} profiles[] = { { "fast", 100 }, { "conservative", 300 } };

static unsigned long profile_advert(const char *name)
{
    for (size_t i = 0; i < N_ELEMENTS(profiles); i++) {
        if (strcmp(name, profiles[i].name) == 0)
            return profiles[i].advert_ms;
    }
    options_refuse("--profile is fast or conservative, not '%s'", name);
}

static unsigned long number(const char *option, const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0')
        options_refuse("--%s takes a number, not '%s'", option, text);
    return value;
}

struct given {
    struct keepalived_conf conf;
    unsigned long profile_ms; /* what the profile says, unless --advert is given */
};

static void take(void *context, int val, const char *text)
{
    struct given *given = context;
    struct keepalived_conf *conf = &given->conf;
    const char **const texts[] = {
        [VIP - TEXT] = &conf->vip,   [INTERFACE - TEXT] = &conf->interface,
        [SELF - TEXT] = &conf->self, [PEER - TEXT] = &conf->peer,
        [NAME - TEXT] = &conf->name, [DIR - TEXT] = &conf->directory,
        [FIFO - TEXT] = &conf->fifo,
    };
    if (val == MULTICAST)
        conf->multicast = true;
    else if (val == PROFILE)
        given->profile_ms = profile_advert(text);
    else if (val == ADVERT)
        conf->advert_ms = number("advert", text);
    else if (val == VRID)
        conf->vrid = number("vrid", text);
    else
        *texts[val - TEXT] = text;
}

/* keepalived shall run the very program that wrote the file. */
static void find_program(char *path, size_t npath)
{
    ssize_t n = readlink("/proc/self/exe", path, npath - 1);
    if (n <= 0)
        options_refuse("cannot find out where mcreplctl is: is /proc mounted?");
    path[n] = '\0';
}

int keepalived_conf_command(struct common_options *common, int argc, char **argv)
{
    static const struct option rows[] = {
        { "vip", required_argument, NULL, VIP },
        { "interface", required_argument, NULL, INTERFACE },
        { "self", required_argument, NULL, SELF },
        { "peer", required_argument, NULL, PEER },
        { "multicast", no_argument, NULL, MULTICAST },
        { "profile", required_argument, NULL, PROFILE },
        { "advert", required_argument, NULL, ADVERT },
        { "name", required_argument, NULL, NAME },
        { "vrid", required_argument, NULL, VRID },
        { "dir", required_argument, NULL, DIR },
        { "fifo", required_argument, NULL, FIFO },
        { NULL, 0, NULL, 0 },
    };
    char program[512], why[512];
    struct given given = { .conf = { .name = "mcd",
                                     .vrid = 51,
                                     .directory = RUN_DIR "/11211",
                                     .fifo = RUN_DIR "/vrrp.fifo",
                                     .socket = RUN_DIR "/11211.sock",
                                     .program = program },
                           .profile_ms = profiles[0].advert_ms };
    const struct own_options own = { rows, take, &given };
    struct keepalived_conf *conf = &given.conf;
    find_program(program, sizeof(program));
    conf->advert_ms = ADVERT_NOT_GIVEN;
    options_after(common, &own, argc, argv);
    if (conf->advert_ms == ADVERT_NOT_GIVEN)
        conf->advert_ms = given.profile_ms;
    if (common->socket != NULL)
        conf->socket = common->socket;
    if (!keepalived_conf_check(conf, why, sizeof(why)))
        options_refuse("%s", why);
    keepalived_conf_print(conf, stdout);
    if (fflush(stdout) != 0)
        options_refuse("cannot write the configuration");
    return EXIT_SUCCESS;
}
