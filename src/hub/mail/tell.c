#include "tell.h"

#include "mail.h"
#include "mailbox.h"

static void await(struct hub *h, struct seat *seat, uint64_t at)
{
    mutex_lock(&h->mail->lock);
    if (list_alone(&seat->mail.awaiting)) {
        seat->mail.awaited = at;
        list_add(&h->mail->awaiting, &seat->mail.awaiting);
        h->mail->n_awaiting++;
    }
    mutex_unlock(&h->mail->lock);
}

static void await_not(struct hub *h, struct seat *seat)
{
    mutex_lock(&h->mail->lock);
    if (!list_alone(&seat->mail.awaiting)) {
        list_del(&seat->mail.awaiting);
        h->mail->n_awaiting--;
    }
    mutex_unlock(&h->mail->lock);
}

bool mail_is_durable(struct hub *h, uint64_t at)
{
    return at < store_durable(h->store);
}

void seat_tell(struct hub *h, struct seat *seat, uint64_t at)
{
    assert_locked(&seat->shard->lock);
    if (!mail_is_durable(h, at)) {
        await(h, seat, at);
        /* It may have become durable just before: then nobody would come to tell. */
        if (!mail_is_durable(h, at))
            return;
    }
    seat->waker->wake(seat->waker);
}

void mail_tell(struct hub *h, struct identity *i, uint64_t at)
{
    if (!i->seat)
        return;
    i->seat->mail.there = true;
    seat_tell(h, i->seat, at);
}

void mail_grew(struct hub *h)
{
    uint64_t durable;

    if (!h->mail->n_awaiting)
        return;
    durable = store_durable(h->store);
    mutex_lock(&h->mail->lock);
    LIST_EACH (&h->mail->awaiting, it) {
        struct seat *seat = LIST_OF(it, struct seat, mail.awaiting);

        if (seat->mail.awaited >= durable)
            continue;
        assert(h->mail->n_awaiting > 0);
        list_del(it);
        h->mail->n_awaiting--;
        seat->waker->wake(seat->waker);
    }
    mutex_unlock(&h->mail->lock);
}

void mail_seated(struct hub *h, struct identity *i, struct seat *seat)
{
    assert_locked(&i->shard->lock);
    assert(i->seat == seat);
    seat->mail.kept = buf_max(RECORD_LEN_MAX);
    if (i->mailbox && i->mailbox->n)
        mail_tell(h, i, 0);
}

void mail_unseated(struct hub *h, struct identity *i, struct seat *seat)
{
    assert_locked(&i->shard->lock);
    assert(i->seat != seat);
    await_not(h, seat);
    /* The seat's next holder may have what this one did not settle. */
    if (mailbox_release(seat->shard, i->mailbox, seat))
        mail_tell(h, i, 0);
}

void mail_seat_free(struct seat *seat)
{
    await_not(seat->hub, seat);
    assert(list_alone(&seat->mail.awaiting));
    store_cursor_close(seat->hub->store, &seat->mail.cursor);
    buf_free(&seat->mail.kept);
}
