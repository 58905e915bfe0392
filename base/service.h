/*
 * What a service manager wants to know: when we serve, when we shut down, how we are, and
 * how much each line of the log matters. These are systemd's protocols, sd_notify(3) and
 * sd-daemon(3). Without a manager ($NOTIFY_SOCKET, $JOURNAL_STREAM) nothing happens.
 */
#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

void service_ready(void);
void service_stopping(void);
/* One line for people, which `systemctl status` shows. Never waits. */
void service_status(const char *text);

/* What a line to standard error begins with if the journal reads it: "<4>" for
 * LOG_WARNING of <syslog.h>. The journal then knows how much the line matters, and when
 * it was written. "": a person or a file reads it. */
const char *service_mark(int priority);

#endif
