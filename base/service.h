/*
 * What a service manager is told: when we serve, and when we end. Nothing happens if
 * nobody asked to be told ($NOTIFY_SOCKET), or if this was built without libsystemd.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

/* Lines of KEY=VALUE, as sd_notify(3) has them. */
void service_notify(const char *state);
void service_ready(void);
void service_stopping(void);

#endif
