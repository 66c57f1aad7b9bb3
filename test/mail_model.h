/* A model of mailboxes and feedback: what was posted, what became of it and at which place of the log each of that
 * stands. It hears the hub's trace, so it knows what a hub must know after any power cut, and what may be given to
 * whom. */
#pragma once

#include "hub.h"

enum { MODEL_MESSAGES = 3000, MODEL_COUNTS = C2D_DELIVERIES_DEFAULT + 1 };

struct message {
    unsigned device;
    uint64_t sequence, in_at, out_at; /* in_at 0: it never came; out_at 0: it is in the mailbox */
    int64_t expiry_ms;
    enum fate fate;
    enum ack ack;
    uint64_t count_at[MODEL_COUNTS]; /* of each abandon */
    unsigned n_counts;
    struct seat *holder;
    bool locked;
    struct c2d_lock lock;
    int64_t until_ms;
    uint64_t done_at; /* its feedback was settled */
};

struct mail_model {
    struct message messages[MODEL_MESSAGES];
    size_t n;
    uint64_t enqueued; /* the number of the last one */
};

/* The text of iothub-ack that a message is posted with. */
const char *model_ack(const struct message *);
/* The message that is in the log with that number; NULL: there is none. */
struct message *model_message(struct mail_model *, unsigned device, uint64_t sequence);
/* A sentence of the hub's trace, "message 3 for d1: Expired"; `at` is the last record in the log. Others are none of
 * its concern. */
void model_hears(struct mail_model *, const char *sentence, uint64_t at, int64_t now_ms);
/* The first of the device that may be given to somebody now; NULL: there is none that is durable. Locks without a seat
 * have ended by their time. */
struct message *model_first(struct mail_model *, unsigned device, uint64_t durable, int64_t now_ms);
/* It was given out; a seat of NULL is somebody without one. */
void model_took(struct message *, const struct c2d *, struct seat *, int64_t now_ms);
/* All that this seat has locked is free. */
void model_let_go(struct mail_model *, const struct seat *);
/* The lock is still good. */
bool model_holds(const struct message *, int64_t now_ms);
/* It was settled so: what the hub answered must be right. `held` and `counts` are as they were before. */
void model_settled(const struct message *, enum outcome, bool held, unsigned counts, enum err answer, uint64_t at);
/* True if its end came, and is to be told to whoever posted it. */
bool model_is_told(const struct message *);
/* Takes a batch of feedback, all of which must be durable and not settled before; `at` 0: it comes again. */
void model_heard(struct mail_model *, const struct feedback_record *, size_t n, uint64_t durable, uint64_t at);
/* Changes from this place on never happened. */
void model_forgets(struct mail_model *, uint64_t end);
/* How many wait for this device; how many endings are still to be told. */
unsigned model_waiting(const struct mail_model *, unsigned device);
size_t model_untold(const struct mail_model *);
