/*
 * The operator's commands that follow the node's role: they move an address by a
 * provider's API, a name, a route.
 *
 * Each change of role is one task: run the command for the role that the node has by
 * then. There is one command at a time. A change while one runs is a new task, also if
 * the role is soon as it was: meanwhile the other node may have moved the address. A
 * command is not ended early when the role changes, because what it has asked of others
 * may still happen, and must not happen after what the next command asks. A command that
 * takes too long is killed with all that it has started. One that fails is run again,
 * after longer and longer pauses, until it succeeds or the role changes.
 */
#ifndef CTL_HOOKS_H
#define CTL_HOOKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hooks_config {
    const char *on_active, *on_standby; /* for /bin/sh; NULL or empty: none */
    unsigned limit_ms;                  /* how long a command may take */
};

struct hooks {
    const struct hooks_config *config;
    bool is_active;            /* the node's role, once changes is not 0 */
    unsigned changes;          /* of role, so far */
    unsigned begun, succeeded; /* the number of the change for which a command was begun,
                                * or succeeded, last */
    pid_t running;             /* the process group of the command; 0: none */
    bool is_killed;
    uint64_t begun_at, again_at;
    unsigned pause_ms; /* between a failure and the next try */
};

/* What a command learns of the node, in its environment (mcreplctl(1)). */
struct hooks_news {
    const char *socket, *why; /* the health in words */
    uint64_t term;
};

void hooks_init(struct hooks *h, const struct hooks_config *config);
/* The node is active, or it is not, or cannot be reached. No-op if that is known. */
void hooks_tell(struct hooks *h, bool is_active, const struct hooks_news *news);
/* Call every few ms while hooks_are_busy: begins and ends commands. */
void hooks_look(struct hooks *h);
bool hooks_are_busy(const struct hooks *h);
/* End a running command: the next guard runs one for the role that it finds. */
void hooks_fini(struct hooks *h);

#endif
