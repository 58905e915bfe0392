/*
 * What a service manager is told: when we serve, and when we end. Nothing happens if
 * nobody asked to be told ($NOTIFY_SOCKET). systemd's protocol, sd_notify(3): a datagram
 * each, to a UNIX socket.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

/* Lines of KEY=VALUE. */
void service_notify(const char *state);
void service_ready(void);
void service_stopping(void);

#endif
