/* WebSockets of stories: MQTT by hand, AMQP by Proton. */
#include "story.h"

#include "ws_talk.h"

struct socket {
    struct ws_talk ws;
    struct talk hand; /* of the story itself, when nobody else speaks in it */
    struct buf heard;
};

static size_t input(struct talk *t, struct bytes in, int64_t now_ms)
{
    (void)now_ms;
    buf_put(&LIST_OF(t, struct socket, hand)->heard, in);
    return in.len;
}

static void failed(void *ctx, enum err why, const char *detail)
{
    (void)ctx;
    (void)why;
    fprintf(stderr, "no WebSocket: %s\n", detail);
}

void story_ws_open(struct story *s, struct actor *a, struct talk *inner)
{
    static const struct talk_ops by_hand = {.start = story_idle,
                                            .input = input,
                                            .wake = story_idle,
                                            .tick = story_never,
                                            .close = story_gone,
                                            .name = "hand"};
    struct socket *old = a->socket, *w = calloc(1, sizeof *w);

    if (!w)
        abort();
    w->heard = buf_max(CONN_OUT_MAX);
    w->hand = (struct talk){.ops = &by_hand, .proved = true};
    w->ws = (struct ws_talk){.inner = inner ? inner : &w->hand,
                             .host = WORLD_HOST,
                             .port = 443,
                             .path = "/$iothub/websocket",
                             .protocol = inner ? "AMQPWSB10" : "mqtt",
                             .timeout_ms = 30000,
                             .seed = 7,
                             .failed = failed};
    ws_talk_init(&w->ws);
    a->socket = w;
    story_join(s, a, &w->ws.talk, "https");
    story_ws_free(old);
    story_run(s, a);
    if (w->ws.state == WS_OPEN)
        story_heard(s, "101");
}

void story_ws_free(struct socket *w)
{
    if (!w)
        return;
    ws_talk_close(&w->ws);
    buf_free(&w->heard);
    free(w);
}

void story_ws_say(struct socket *w, struct bytes said)
{
    buf_put(&w->ws.said, said);
}

struct buf *story_ws_heard(struct socket *w)
{
    return &w->heard;
}
