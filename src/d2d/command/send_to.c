#include "send_to.h"

#include "accepted.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct column feedback_columns[] = {
    {"messageId", "MESSAGE", 36}, {"deviceId", "DEVICE", 16}, {"status", "STATUS", 0}, {0}};

struct run {
    const struct send_to *sending;
    struct d2d_loop *loop;
    struct d2d_operator *op;
    struct out out; /* of feedback, or */
    struct accepted accepted;
    char last_id[200];
    json_t *awaited;      /* ids of messages whose end is not known yet */
    enum d2d_err why;     /* of the first message that the hub did not take */
    enum d2d_err end;     /* of the first message that came to a bad end */
    enum d2d_err away;    /* why there is no connection now */
    char detail[400];     /* of `why` */
    char bad_end[200];    /* of `end` */
    size_t posted, given; /* those that the hub has accepted, of so many */
    bool queued;          /* all of them */
    bool lost;            /* the connection ended for good, with messages on their way */
    bool connected;       /* at some time: what is not acknowledged may have reached the hub */
};

/* Nothing is left to wait for. */
static void look(struct run *r)
{
    if (r->queued && !d2d_operator_pending(r->op) && !json_object_size(r->awaited))
        d2d_loop_stop(r->loop);
}

static void on_posted(void *ctx, struct d2d_operator *op, enum d2d_err e, const char *message_id)
{
    struct run *r = ctx;

    if (e && !r->why) {
        r->why = e;
        snprintf(r->detail, sizeof r->detail, "%s", d2d_operator_detail(op));
    }
    r->posted += e == D2D_OK;
    if (!e && !r->sending->until_acked) {
        snprintf(r->last_id, sizeof r->last_id, "%s", message_id);
        accepted_put(&r->accepted, message_id, r->sending->to);
    }
    if (!e && r->sending->until_acked)
        json_object_set_new(r->awaited, message_id, json_true());
    look(r);
}

static bool show(struct run *r, const struct d2d_feedback *f)
{
    return out_row(&r->out, json_pack("{ss ss ss ss}", "messageId", f->message_id, "deviceId", f->device, "status",
                                      f->status, "description", f->description));
}

static void take(struct run *r, const struct d2d_feedback *f)
{
    json_object_del(r->awaited, f->message_id);
    if (f->result && !r->end) {
        r->end = f->result;
        snprintf(r->bad_end, sizeof r->bad_end, "%s", f->status);
    }
}

/* All receivers share one queue: what has nothing of ours is left to them, and what cannot be printed is left, too. */
static bool on_feedback(void *ctx, struct d2d_operator *op, const struct d2d_feedback *batch, size_t n)
{
    struct run *r = ctx;
    bool ours = false;

    (void)op;
    for (size_t i = 0; i < n; i++) {
        if (!json_object_get(r->awaited, batch[i].message_id) || strcmp(batch[i].device, r->sending->to))
            continue;
        if (!show(r, &batch[i])) {
            d2d_loop_stop(r->loop);
            return false;
        }
        take(r, &batch[i]);
        ours = true;
    }
    look(r);
    return ours;
}

static void on_connected(void *ctx, struct d2d_operator *op)
{
    struct run *r = ctx;

    (void)op;
    r->away = D2D_OK;
    r->connected = true;
}

static void on_disconnected(void *ctx, struct d2d_operator *op, enum d2d_err why, bool final)
{
    struct run *r = ctx;

    if (!final) {
        cli_is_away(&r->away, why, d2d_operator_detail(op));
        return;
    }
    r->away = why;
    if (!r->why) {
        r->why = why;
        r->lost = r->connected && d2d_operator_pending(op);
        snprintf(r->detail, sizeof r->detail, "%s", d2d_operator_detail(op));
    }
    d2d_loop_stop(r->loop);
}

static enum d2d_err post_one(void *ctx, struct bytes body)
{
    struct run *r = ctx;
    struct d2d_message m = r->sending->message;
    char id[MESSAGE_ID_CAP];
    enum d2d_err e;

    if (!m.message_id) {
        message_id_make(id);
        m.message_id = id;
    }
    m.body = body.at;
    m.body_len = body.len;
    while ((e = d2d_operator_send(r->op, r->sending->to, &m, on_posted, r)) == D2D_OVER_QUOTA &&
           d2d_operator_pending(r->op) && !cli_interrupted && !r->why)
        d2d_loop_run(r->loop, 200); /* there is room again when the hub has answered */
    r->given += e == D2D_OK;
    return e;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* The hub has all of them, but the device has not settled all of them in time. */
static enum status say_waiting(const struct run *r, enum d2d_err e)
{
    const struct send_to *p = r->sending;
    size_t n = json_object_size(r->awaited);

    complain("%zu message%s for %s: accepted by the hub, not settled yet: %s", n, plural(n), p->to,
             e == D2D_STOPPED ? "interrupted" : d2d_err_text(e));
    say("  The device still gets %s%s; `d2d device purge %s` empties its mailbox%s", n == 1 ? "it" : "them",
        p->message.ttl_ms ? " until the time of --ttl is over" : " when it connects, within an hour by default", p->to,
        p->message.ttl_ms ? "" : ", a message with --ttl T expires earlier");
    return e == D2D_STOPPED ? INTERRUPTED : ACCEPTED;
}

/* Not all of them are known to be with the hub: what is known. */
static enum status say_unsent(const struct run *r, enum d2d_err e)
{
    size_t left = d2d_operator_pending(r->op);
    enum status status;

    if (r->posted)
        say("d2d: %zu of %zu messages for %s: accepted by the hub", r->posted, r->given, r->sending->to);
    status = cli_failed(left && r->connected ? "sent, but not acknowledged, so the hub may have it" : "not sent", e,
                        d2d_operator_detail(r->op));
    if (e == D2D_STOPPED && left)
        say("d2d: interrupted: %zu message%s for %s %s", left, plural(left), r->sending->to,
            left && r->connected ? "may have reached the hub" : "did not leave");
    if (left && r->connected && !r->sending->message.ttl_ms)
        say("  Send what must not arrive late with --ttl T");
    return status;
}

static enum status say_full(const char *to)
{
    complain("not sent: the mailbox of device \"%s\" is full: it holds no more messages", to);
    advise("it empties when the device receives them; `d2d device purge %s` discards them", to);
    return OVER_QUOTA;
}

/* A time of expiry is a moment, by the clock of whoever sends. */
static enum status say_expired(void)
{
    complain("not sent: the message had expired when it reached the hub: --ttl counts by the clock of this computer");
    advise("is that clock right? timedatectl set-ntp true sets it");
    return EXPIRED;
}

static enum status finish(struct run *r, enum d2d_err e)
{
    const struct send_to *p = r->sending;

    if (e && !r->why && !d2d_operator_pending(r->op) && r->queued && p->until_acked && json_object_size(r->awaited))
        return say_waiting(r, e);
    if (r->why && r->posted)
        say("d2d: %zu of %zu messages for %s: accepted by the hub", r->posted, r->given, p->to);
    if (r->why == D2D_NOT_FOUND)
        return cli_failed_about(A_DEVICE, p->to, r->why, r->detail);
    if (r->why == D2D_OVER_QUOTA && strstr(r->detail, "queue"))
        return say_full(p->to);
    if (r->why == D2D_ARGUMENT && p->message.ttl_ms && strstr(r->detail, "out of range"))
        return say_expired();
    if (r->why)
        return cli_failed(r->lost ? "sent, but not acknowledged, so the hub may have it" : "not sent", r->why,
                          r->detail);
    if (e)
        return say_unsent(r, e);
    if (r->end)
        return cli_failed("not delivered", r->end, r->bad_end);
    if (!p->until_acked)
        say("%zu message%s for %s: in the mailbox, on the hub's disk%s%s", r->posted, plural(r->posted), p->to,
            r->posted == 1 && r->accepted.quiet ? ", id " : "", r->posted == 1 && r->accepted.quiet ? r->last_id : "");
    return DONE;
}

static enum status run_all(struct cli *c, struct run *r)
{
    int64_t timeout_ms = c->timeout_ms ? c->timeout_ms : r->sending->until_acked ? -1 : 30000;
    enum d2d_err e = source_each(&r->sending->source, &(struct taker){r->loop, &r->why, post_one, r});

    r->queued = true;
    if (!e && !r->given && !r->why && !cli_interrupted)
        return source_was_empty();
    if (!e && !r->why) {
        look(r);
        e = d2d_loop_run(r->loop, timeout_ms);
    }
    if (e == D2D_STOPPED && !cli_interrupted)
        e = D2D_OK;
    if (cli_interrupted)
        e = D2D_STOPPED;
    if (e == D2D_TIMED_OUT && r->away)
        e = r->away;
    return finish(r, e);
}

enum status send_to_device(struct cli *c, const struct send_to *p)
{
    struct run r = {.sending = p, .awaited = json_object()};
    struct d2d_operator_options options = {D2D_OPERATOR_OPTIONS, .feedback = p->until_acked ? on_feedback : NULL,
                                           .connected = on_connected, .disconnected = on_disconnected, .ctx = &r};
    enum status status;
    enum d2d_err e;

    if ((status = p->until_acked && !output_is_given() ? FAILED : cli_choose_identity(c, STRING_SERVICE)))
        goto done;
    cli_fill_options(c, &options.common);
    if (p->until_acked)
        options.common.timeout_ms = 0; /* of the command, not of a connection */
    out_begin(&r.out, c->format, feedback_columns, "status");
    accepted_begin(&r.accepted, c->format);
    if ((e = cli_loop_new(&r.loop)) || (e = d2d_operator_new(r.loop, &options, &r.op)))
        status = cli_failed("the connection", e, cli_why_not());
    else
        status = run_all(c, &r);
done:
    d2d_operator_free(r.op);
    cli_loop_free(r.loop);
    json_decref(r.awaited);
    return status;
}
