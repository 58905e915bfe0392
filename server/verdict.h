/*
 * What has become of a request: the one answer of commands, and of those who serve them.
 * stream.c and datagram.c say which state follows from which verdict.
 */
#ifndef SERVER_VERDICT_H
#define SERVER_VERDICT_H

enum verdict {
    VERDICT_DONE,    /* what there is to answer is queued: the next one */
    VERDICT_PARK,    /* the engine would block: the same again when it has notified */
    VERDICT_VALUE,   /* c->value.item waits for the value that follows */
    VERDICT_DISCARD, /* the value that follows is to be dropped */
    VERDICT_MORE,    /* no other request has arrived whole */
    VERDICT_FULL,    /* so much is answered that it should be sent */
    VERDICT_YIELD,   /* others have their turn, before what else has arrived */
    VERDICT_QUIT,    /* close after what is queued has been sent */
    VERDICT_DROP     /* close at once */
};

#endif
