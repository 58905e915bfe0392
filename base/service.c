#include "config.h"
#include "base/service.h"

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* A manager that cannot be reached is no reason not to serve: it will notice by itself.
 */
void service_notify(const char *state)
{
#ifdef HAVE_LIBSYSTEMD
    (void)sd_notify(0, state);
#else
    (void)state;
#endif
}

void service_ready(void)
{
    service_notify("READY=1");
}

void service_stopping(void)
{
    service_notify("STOPPING=1");
}
