#include "mail_model.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *model_ack(const struct message *m)
{
    static const char *const acks[] = {
        [ACK_NONE] = "none", [ACK_POSITIVE] = "positive", [ACK_NEGATIVE] = "negative", [ACK_FULL] = "full"};

    return acks[m->ack];
}

struct message *model_message(struct mail_model *all, unsigned device, uint64_t sequence)
{
    for (size_t i = all->n; i-- > 0;) {
        struct message *m = &all->messages[i];

        if (m->device == device && m->sequence == sequence && m->in_at)
            return m;
    }
    return NULL;
}

static void left(struct message *m, enum fate fate, uint64_t at, int64_t now_ms)
{
    m->out_at = at;
    m->fate = fate;
    CHECK(fate != FATE_EXPIRED || m->expiry_ms <= now_ms);
    CHECK(fate != FATE_DELIVERY_COUNT || m->n_counts == C2D_DELIVERIES_DEFAULT - 1);
}

void model_hears(struct mail_model *all, const char *sentence, uint64_t at, int64_t now_ms)
{
    unsigned long long sequence;
    struct message *m;
    unsigned device;
    char what[32];

    if (sscanf(sentence, "message %llu for d%u: %31s", &sequence, &device, what) != 3)
        return;
    if (!strcmp(what, "enqueued")) {
        all->enqueued = sequence;
        return;
    }
    m = model_message(all, device, sequence);
    CHECK(m && m->out_at == 0);
    for (int f = FATE_SUCCESS; f <= FATE_PURGED; f++)
        if (!strcmp(what, fate_name((enum fate)f)))
            left(m, (enum fate)f, at, now_ms);
    if (!strcmp(what, "abandoned"))
        m->count_at[m->n_counts++] = at;
    if (strcmp(what, "locked") != 0)
        m->locked = false;
}

struct message *model_first(struct mail_model *all, unsigned device, uint64_t durable, int64_t now_ms)
{
    for (size_t i = 0; i < all->n; i++) {
        struct message *m = &all->messages[i];

        if (m->device != device || !m->in_at || m->out_at)
            continue;
        if (m->locked && !m->holder && m->until_ms <= now_ms)
            m->locked = false;
        if (!m->locked)
            return m->in_at < durable ? m : NULL;
    }
    return NULL;
}

void model_took(struct message *m, const struct c2d *c, struct seat *seat, int64_t now_ms)
{
    CHECK(c->sequence == m->sequence && c->delivery_count == m->n_counts && c->expiry_ms == m->expiry_ms);
    m->locked = true;
    m->holder = seat;
    m->until_ms = now_ms + C2D_LOCK_MS;
    m->lock = c->lock;
}

void model_let_go(struct mail_model *all, const struct seat *seat)
{
    for (size_t i = 0; seat && i < all->n; i++)
        if (all->messages[i].locked && all->messages[i].holder == seat)
            all->messages[i].locked = false;
}

bool model_holds(const struct message *m, int64_t now_ms)
{
    return m->holder || m->until_ms > now_ms;
}

void model_settled(const struct message *m, enum outcome how, bool held, unsigned counts, enum err answer, uint64_t at)
{
    static const enum fate fates[] = {[OUTCOME_COMPLETE] = FATE_SUCCESS, [OUTCOME_REJECT] = FATE_REJECTED};

    if (!held || (m->out_at && m->fate == FATE_EXPIRED)) {
        CHECK_ERR(answer, ERR_LOCK_LOST);
        return;
    }
    CHECK_OK(answer);
    if (how != OUTCOME_ABANDON)
        CHECK(m->out_at >= at && m->fate == fates[how]);
    else
        CHECK(m->n_counts == counts + 1 || m->fate == FATE_DELIVERY_COUNT);
}

bool model_is_told(const struct message *m)
{
    bool success = m->fate == FATE_SUCCESS;

    return m->in_at && m->out_at &&
           (m->ack == ACK_FULL || (success && m->ack == ACK_POSITIVE) || (!success && m->ack == ACK_NEGATIVE));
}

void model_heard(struct mail_model *all, const struct feedback_record *got, size_t n, uint64_t durable, uint64_t at)
{
    for (size_t i = 0; i < n; i++) {
        struct message *m = &all->messages[atoi(got[i].message_id)];
        char device[16];

        snprintf(device, sizeof device, "d%u", m->device);
        CHECK(model_is_told(m) && m->out_at < durable && !m->done_at && got[i].fate == m->fate);
        CHECK(!strcmp(got[i].device, device));
        if (at)
            m->done_at = at;
    }
}

void model_forgets(struct mail_model *all, uint64_t end)
{
    for (size_t i = 0; i < all->n; i++) {
        struct message *m = &all->messages[i];

        m->locked = false;
        if (m->in_at >= end)
            m->in_at = 0;
        if (m->out_at >= end)
            m->out_at = 0;
        if (m->done_at >= end)
            m->done_at = 0;
        while (m->n_counts && m->count_at[m->n_counts - 1] >= end)
            m->n_counts--;
    }
}

unsigned model_waiting(const struct mail_model *all, unsigned device)
{
    unsigned n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += all->messages[i].device == device && all->messages[i].in_at && !all->messages[i].out_at;
    return n;
}

size_t model_untold(const struct mail_model *all)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        n += model_is_told(&all->messages[i]) && !all->messages[i].done_at;
    return n;
}
