/*
 * The result of a request: returned by commands, and by the functions that serve them.
 * stream.c and datagram.c map each verdict to the next state.
 */
#ifndef SERVER_VERDICT_H
#define SERVER_VERDICT_H

enum verdict {
    VERDICT_DONE,  /* the whole answer is queued: take the next request */
    VERDICT_PARK,  /* the engine would block: execute it again when it has notified */
    VERDICT_AGAIN, /* send what is queued, let others have their turn, execute it again */
    VERDICT_VALUE, /* receive the value that follows (c->value), and execute it again */
    VERDICT_DISCARD, /* drop the value that follows */
    VERDICT_MORE,    /* no further complete request has arrived */
    VERDICT_FULL,    /* the answers are so long that they should be sent */
    VERDICT_YIELD,   /* let others have their turn before serving the rest */
    VERDICT_WATCH,   /* no more requests: send the lines of its watcher from now on */
    VERDICT_QUIT,    /* close after everything queued has been sent */
    VERDICT_DROP     /* close immediately */
};

#endif
