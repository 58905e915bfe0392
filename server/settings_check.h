/* What must hold between the settings of a command line, after all of it was read. */
#ifndef SERVER_SETTINGS_CHECK_H
#define SERVER_SETTINGS_CHECK_H

#include "server/settings.h"

/* False: why has the reason. Also sets what follows from another setting. */
bool settings_check(struct settings *s, char *why, size_t nwhy);

#endif
