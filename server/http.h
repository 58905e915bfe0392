/*
 * --http: a small HTTP server for monitoring, load balancers and people. It has a thread
 * of its own, so whatever its clients do, those of the cache do not wait.
 *
 *   /          a page that shows the node, live
 *   /metrics   all statistics, for Prometheus (OpenMetrics)
 *   /status    the same as JSON
 *   /health    200: the node may hold the clients' address; 503 with the reason
 *   /role      200: it is active, or no part of a pair; else 503. The role
 *   /ready     200: clients should come here: it is active, or could become so by the
 *              first write, as nobody else is active; else 503
 *
 * It only reads, and knows no keys and no values. Whoever reaches it sees the statistics.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct server;
struct http;

/* Main thread. Binds the port; an address without a host is on loopback. NULL: why has
 * the reason. */
struct http *http_bind(struct server *server, const char *address, char *why,
                       size_t nwhy);
/* Begins to answer; the engine runs. */
bool http_start(struct http *http, char *why, size_t nwhy);
/* Before the engine ends. NULL does nothing. */
void http_stop(struct http *http);

#endif
