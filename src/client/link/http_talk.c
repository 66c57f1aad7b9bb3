#include "http_talk.h"

#include "list.h"

static struct http_talk *of(struct talk *t)
{
    return LIST_OF(t, struct http_talk, talk);
}

static void start(struct talk *t, int64_t now_ms)
{
    struct http_talk *h = of(t);

    h->until_ms = now_ms + h->timeout_ms;
    buf_put(t->out, h->request);
    if (t->out->bad)
        talk_end(t, ERR_MEMORY);
}

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    struct http_talk *h = of(t);
    size_t all = 0, used;

    (void)now_ms;
    while (!t->over) {
        used = 0;
        switch (http_read(&h->in, bytes_skip(in, all), &used)) {
        case HTTP_STEP_MORE:
            return all + used;
        case HTTP_STEP_HEAD:
            break;
        case HTTP_STEP_MESSAGE:
            /* An interim answer (100) is not the answer. */
            h->answered = h->in.head.status >= 200;
            if (h->answered)
                talk_end(t, OK);
            break;
        case HTTP_STEP_BAD:
            talk_end(t, h->in.head.status ? ERR_MALFORMED : ERR_FOREIGN);
            break;
        }
        all += used;
    }
    return in.len;
}

static void wake(struct talk *t, int64_t now_ms)
{
    (void)t;
    (void)now_ms;
}

static int64_t tick(struct talk *t, int64_t now_ms)
{
    struct http_talk *h = of(t);

    if (now_ms < h->until_ms)
        return h->until_ms;
    talk_end(t, ERR_TIMEOUT);
    return INT64_MAX;
}

static void closed(struct talk *t, enum err why, int64_t now_ms)
{
    struct http_talk *h = of(t);

    (void)now_ms;
    if (!h->answered && !t->over && http_read_end(&h->in))
        h->answered = true;
    h->ended(h->ctx, h->answered ? OK : why ? why : ERR_CLOSED);
}

void http_talk_init(struct http_talk *h)
{
    static const struct talk_ops ops = {
        .start = start, .input = input, .wake = wake, .tick = tick, .close = closed, .name = "http"};

    h->talk.ops = &ops;
    http_in_init(&h->in, HTTP_RESPONSES, 4 * HTTP_BODY_MAX);
}

void http_talk_close(struct http_talk *h)
{
    http_in_free(&h->in);
}
