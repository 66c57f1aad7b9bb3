/* Devices over HTTPS, which take no seat (device 4), and messages to them from tools that have only HTTPS (service
 * 4.11). */
#include "http_device.h"

#include "fault_request.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

/* ---- what a device sends --------------------------------------------------------------------------------------- */

/* device 10: a request is all there is of a device here: what refuses does so to the one that asks for it, and the
 * connection that breaks does so behind its answer. */
static enum err look_for_fault(struct http_request *r, struct http_answer *a, const struct msg *m)
{
    struct fault_request asked = {.kind = FAULT_NONE};
    enum err e = r->env->faults ? fault_request_read(m, r->now_ms, &asked) : OK;

    if (e)
        return http_says(a, ERR_ARGUMENT,
                         "The fault type is unknown, or its delay or duration is not a number of seconds up to %d",
                         FAULT_SECONDS_MAX);
    if (asked.kind == FAULT_KILL_TCP)
        talk_end(r->front, ERR_CLOSED);
    asked.until_ms = INT64_MAX;
    return fault_refusal(&asked, asked.from_ms);
}

enum err http_send(struct http_request *r, struct http_answer *a, const struct msg *m)
{
    struct bytes generation = bytes_str(r->who.device[0] ? r->who.generation : "");
    enum err e = look_for_fault(r, a, m);
    uint64_t at;

    if (e)
        return e;
    e = hub_send_seatless(r->env->hub, bytes_str(r->identity), generation, r->who.proof, m, r->now_ms, &at);
    if (e == ERR_TOO_LARGE) {
        a->code = CODE_MESSAGE_SIZE;
        return http_says(a, e, "A message must be at most %d bytes, properties included", MESSAGE_LEN_MAX);
    }
    if (!e)
        front_wait_for(r->front, at);
    else
        journal_no_room(r->env, r->peer, (struct journal_who){"device", bytes_str(r->identity)}, bytes_str(r->identity),
                        e, r->now_ms);
    return e;
}

static enum err read_message(struct http_request *r, struct http_answer *a, struct http_message *m)
{
    enum err e = http_message_read(m, r->head, r->body);

    return e ? http_says(a, ERR_ARGUMENT, "This message is refused: %s", m->wrong) : OK;
}

enum err http_events_post(struct http_request *r, struct http_answer *a)
{
    struct bytes rest = http_header(r->head, BYTES("content-type"));
    struct bytes type = bytes_trim(bytes_cut(&rest, ';'));
    struct http_message m;
    enum err e;

    a->status = 204;
    if (bytes_eq_nocase(type, BYTES("application/vnd.microsoft.iothub.json")))
        return http_batch_send(r, a);
    if ((e = read_message(r, a, &m)))
        return e;
    m.msg.ack = NO_BYTES; /* device 6.2: only messages to devices have one */
    return http_send(r, a, &m.msg);
}

/* ---- what it receives ------------------------------------------------------------------------------------------ */

static enum err put_c2d(struct http_answer *a, const struct c2d *c2d)
{
    struct msg_room room = {.text = buf_max(2 * RECORD_LEN_MAX)};
    struct msg m;
    enum err e = msg_read(c2d->sections, &room, &m);

    assert(!a->body.len); /* the message is all there is */
    if (!e) {
        lock_text(&c2d->lock, a->etag);
        a->type = "application/octet-stream";
        http_message_put(&a->headers, &m, c2d);
        buf_put(&a->body, m.body);
    }
    buf_free(&room.text);
    return e;
}

enum err http_c2d_take(struct http_request *r, struct http_answer *a)
{
    struct buf room = buf_max(RECORD_LEN_MAX);
    struct c2d c2d;
    enum err e;

    if (bytes_eq(r->head->method, BYTES("HEAD"))) { /* it would lock what nobody gets to see */
        a->code = CODE_METHOD;
        snprintf(a->allow, sizeof a->allow, "GET");
        return http_says(a, ERR_UNSUPPORTED, "Receive a message with GET");
    }
    e = hub_take(r->env->hub, bytes_str(r->identity), r->now_ms, &room, &c2d);
    if (e == ERR_NOT_FOUND) {
        a->status = 204;
        e = OK;
    } else if (!e) {
        e = put_c2d(a, &c2d);
    }
    buf_free(&room);
    return e;
}

static enum err settle(struct http_request *r, struct http_answer *a, enum outcome how)
{
    struct c2d_lock lock;
    uint64_t at;
    enum err e;

    if (!lock_parse(bytes_str(r->names[identity_is_module(bytes_str(r->identity)) ? 2 : 1]), &lock))
        return http_says(a, ERR_ARGUMENT, "This is not a lock token");
    if ((e = hub_take_settle(r->env->hub, bytes_str(r->identity), &lock, how, r->now_ms, &at)))
        return e;
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

/* device 4.3: the flag has a value or not, and in one client a question mark before it. */
static bool has_reject(struct bytes query)
{
    while (query.at) {
        struct bytes value = bytes_cut(&query, '&'), key = bytes_cut(&value, '=');

        if (bytes_starts_nocase(key, BYTES("%3F")))
            key = bytes_skip(key, 3);
        if (bytes_eq_nocase(key, BYTES("reject")))
            return true;
    }
    return false;
}

enum err http_c2d_complete(struct http_request *r, struct http_answer *a)
{
    return settle(r, a, has_reject(r->head->query) ? OUTCOME_REJECT : OUTCOME_COMPLETE);
}

enum err http_c2d_abandon(struct http_request *r, struct http_answer *a)
{
    return settle(r, a, OUTCOME_ABANDON);
}

/* ---- what a service sends to it -------------------------------------------------------------------------------- */

static enum err cannot_post(const struct http_request *r, struct http_answer *a, enum err e)
{
    switch (e) {
    case ERR_NOT_FOUND:
        return http_says(a, e, "Device %.128s not registered", r->names[0]);
    case ERR_FULL:
        a->code = CODE_QUEUE_DEPTH;
        return http_says(a, e, "The mailbox of the device is full");
    case ERR_RANGE:
        a->code = CODE_EXPIRY;
        return http_says(a, e, "The message has already expired");
    case ERR_TOO_LARGE:
        a->code = CODE_MESSAGE_SIZE;
        return http_says(a, e, "A message to a device must be at most %d bytes, properties included", C2D_LEN_MAX);
    case ERR_DISK_FULL:
    case ERR_BUSY:
    case ERR_QUOTA:
        (void)hub_refused(r->env->hub, bytes_str(r->identity), e, r->now_ms);
        return e;
    default:
        return e;
    }
}

enum err http_c2d_post(struct http_request *r, struct http_answer *a)
{
    struct http_message m;
    uint64_t at;
    enum err e = read_message(r, a, &m);

    if (e)
        return e;
    if ((e = hub_post(r->env->hub, bytes_str(r->identity), &m.msg, r->now_ms, &at)))
        return cannot_post(r, a, e);
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

enum err http_c2d_purge(struct http_request *r, struct http_answer *a)
{
    uint64_t at, n;
    enum err e = hub_purge(r->env->hub, bytes_str(r->identity), r->now_ms, &n, &at);

    char count[48];

    if (e)
        return cannot_post(r, a, e);
    snprintf(count, sizeof count, "%llu messages", (unsigned long long)n);
    http_audit(r, "mailbox-purged", "device", bytes_str(r->identity), count);
    front_wait_for(r->front, at);
    buf_printf(&a->body, "{\"totalMessagesPurged\":%llu,\"deviceId\":", (unsigned long long)n);
    buf_put_json(&a->body, bytes_str(r->names[0]));
    buf_puts(&a->body, ",\"moduleId\":null}");
    return OK;
}
