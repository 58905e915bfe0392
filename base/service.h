/*
 * Tells a service manager when we serve, and when we shut down. Does nothing unless
 * $NOTIFY_SOCKET is set. This is systemd's protocol, sd_notify(3): each message is a
 * datagram to a UNIX socket.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

/* Lines of KEY=VALUE. */
void service_notify(const char *state);
void service_ready(void);
void service_stopping(void);

#endif
