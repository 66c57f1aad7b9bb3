/* Feedback over REST (service 3.2), which is all that Python's service SDK has: taken in batches under a lock. */
#include "http_device.h"

#include "feedback_json.h"
#include "text.h"

#include <stdio.h>

static enum err take(struct http_request *r, struct http_answer *a)
{
    struct feedback_record records[FEEDBACK_BATCH];
    struct c2d_lock lock;
    char time[ISO_TIME_CAP];
    size_t n;
    enum err e = hub_feedback_take(r->env->hub, r->now_ms, records, &n, &lock);

    if (e == ERR_NOT_FOUND) {
        a->status = 204;
        return OK;
    }
    if (e)
        return e;
    lock_text(&lock, a->etag);
    iso_time(hub_wall_ms(r->env->hub, r->now_ms), time);
    a->type = FEEDBACK_CONTENT_TYPE "; charset=utf-8";
    http_put_header(&a->headers, "iothub-enqueuedtime", bytes_str(time));
    http_put_header(&a->headers, "iothub-userid", bytes_str(r->env->entity));
    feedback_put_json(&a->body, records, n);
    return OK;
}

enum err http_feedback_take(struct http_request *r, struct http_answer *a)
{
    if (!bytes_eq(r->head->method, BYTES("HEAD")))
        return take(r, a);
    a->code = CODE_METHOD; /* it would lock what nobody gets to see */
    snprintf(a->allow, sizeof a->allow, "GET");
    return http_says(a, ERR_UNSUPPORTED, "Receive feedback with GET");
}

static enum err settle(struct http_request *r, struct http_answer *a, enum outcome how)
{
    struct bytes text = bytes_str(r->names[0]);
    struct c2d_lock lock;
    uint64_t at;
    enum err e;

    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"') /* as the ETag has it */
        text = bytes_first(bytes_skip(text, 1), text.len - 2);
    if (!lock_parse(text, &lock))
        return http_says(a, ERR_ARGUMENT, "This is not a lock token");
    if ((e = hub_feedback_take_settle(r->env->hub, &lock, how, r->now_ms, &at)))
        return e;
    front_wait_for(r->front, at);
    a->status = 204;
    return OK;
}

enum err http_feedback_complete(struct http_request *r, struct http_answer *a)
{
    return settle(r, a, OUTCOME_COMPLETE);
}

enum err http_feedback_abandon(struct http_request *r, struct http_answer *a)
{
    return settle(r, a, OUTCOME_ABANDON);
}
