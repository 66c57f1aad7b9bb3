/* Shared by the files of the HTTPS device door. */
#pragma once

#include "http_front.h"

/* A message on its way in; views into the request. */
struct http_message {
    struct msg msg;
    struct prop props[PROPS_MAX];
    char wrong[160]; /* when a property is refused: which, and the rule */
};

/* ---- message.c */
/* Writes a property under the name of its header; `known` says whether it is one. A value with at == NULL is null.
 * ERR_ARGUMENT: not UTF-8, or no name; ERR_MALFORMED: a time; ERR_LIMIT: PROPS_MAX. Each says in `wrong` what it is. */
enum err http_message_take(struct http_message *, struct bytes name, struct bytes value, bool *known) MUST_CHECK;
/* The same words for a refusal of one's own; gives `e` back. */
enum err http_message_wrong(struct http_message *, enum err e, struct bytes name, const char *rule) MUST_CHECK;
/* Whether all of it may be sent. ERR_ARGUMENT. */
enum err http_message_check(struct http_message *) MUST_CHECK;
/* All of a request. */
enum err http_message_read(struct http_message *, const struct http_head *, struct bytes body) MUST_CHECK;
/* Appends the lines of headers that tell of a message to a device. */
void http_message_put(struct buf *, const struct msg *, const struct c2d *);

/* ---- batch.c */
/* device 4.1: a JSON array of messages, all of them or none. */
enum err http_batch_send(struct http_request *, struct http_answer *) MUST_CHECK;

/* ---- http_device.c */
/* Sends one message of the device of this request. */
enum err http_send(struct http_request *, struct http_answer *, const struct msg *) MUST_CHECK;
