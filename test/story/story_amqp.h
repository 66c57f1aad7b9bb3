/* Shared by the files of AMQP clients. */
#pragma once

#include "proton_end.h"
#include "story.h"

enum { HELD_MAX = 8 };

struct teller {
    struct proton_end proton; /* first */
    struct story *story;
    struct actor *actor;
    pn_session_t *session;
    pn_link_t *token_answers;
    pn_delivery_t *held[HELD_MAX]; /* that came and are not settled */
    size_t n_held;
    pn_msgid_t call; /* that was heard last */
    uint8_t call_id[16];
    unsigned tag;
};

/* A receiver that is there already gets more credit. */
pn_link_t *amqp_attach(struct teller *, bool sends, const char *address, int credit);
void amqp_send(struct teller *, pn_link_t *, pn_message_t *);
void amqp_run(struct teller *);
void amqp_put_pair(pn_data_t *, const char *name, const char *value);

/* story_amqp_asks.c: a line about twins, calls and registrations; false: it is none. */
bool amqp_asks(struct teller *, char **words, size_t n);
/* A message on one of their links; false: it is none. */
bool amqp_told(struct teller *, pn_link_t *, const void *raw, size_t len);
/* Before the connection of one that registers is opened. */
void amqp_registers(struct teller *);
