/*
 * The subscribers of events, and the function that tells them. Engines register while
 * they start; any thread may tell. There is one list for the process, because the
 * interface's functions have no argument that names a server.
 */
#ifndef SERVER_EVENTS_H
#define SERVER_EVENTS_H

#include <stdbool.h>

#include <memcached/engine.h>

/* Registrations last until the process ends. `engine` is unused: no caller has two. */
void events_register(ENGINE_HANDLE *engine, ENGINE_EVENT_TYPE type,
                     EVENT_CALLBACK callback, const void *data);
bool events_have_listener(ENGINE_EVENT_TYPE type);
void events_tell(ENGINE_EVENT_TYPE type, const void *data, const void *cookie);

#endif
