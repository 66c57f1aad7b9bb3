/* The HTTP front on a hub in memory. In the input, the byte 1 stands for a header with a token that may do everything,
 * 2 for one that may only read. The first byte says how many bytes come at a time. Must reach: every route, bodies with
 * keys and thumbprints, If-Match, lists, groups, too much, too slow. */
#include "challenges.h"
#include "front.h"
#include "http.h"
#include "hub_reset.h"
#include "outside.h"
#include "sas.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct front_env env;
static char tokens[2][SAS_LEN_MAX];

static void no_wake(struct waker *waker)
{
    (void)waker;
}

static void make_token(struct hub *hub, const char *policy, char token[SAS_LEN_MAX])
{
    struct buf b = buf_max(SAS_LEN_MAX - 1);
    struct policy p;

    must(hub_policy_get(hub, bytes_str(policy), &p));
    must(sas_make(BYTES("hub.test"), bytes_str(policy), 99999999999, bytes_of(p.primary.at, p.primary.len), &b));
    snprintf(token, SAS_LEN_MAX, "%s", buf_str(&b));
    buf_free(&b);
}

/* The other hub, when it is asked, says at once that the device belongs to the other hub. */
static enum err ask_outside(void *ctx, struct outside_request *request)
{
    struct outside_end end = {.host = outside_hub(&env, request, "other.hub")};

    (void)ctx;
    if (!end.host)
        end = (struct outside_end){.error = DPS_HUB_REFUSES, .message = "No."};
    outside_finish(&env, request, &end, NOW_MS);
    outside_request_free(request);
    return OK;
}

static const char *const others[] = {"other.hub", NULL};
static const struct outside outside = {.hubs = others, .run = "1", .start = ask_outside};

static struct fuzz_hub world;

static void open_world(void)
{
    fuzz_hub_open(&world);
    env = (struct front_env){.hub = world.hub,
                             .host = "hub.test",
                             .entity = "hub",
                             .random = fixed_random,
                             .random_ctx = &world.seed,
                             .outside = &outside};
    make_token(world.hub, "iothubowner", tokens[0]);
    make_token(world.hub, "registryRead", tokens[1]);
}

static void put_input(struct buf *b, struct bytes in)
{
    for (size_t i = 0; i < in.len; i++) {
        if (in.at[i] == 1 || in.at[i] == 2)
            buf_printf(b, "Authorization: %s\r\n", tokens[in.at[i] - 1]);
        else
            buf_put_u8(b, in.at[i]);
    }
}

/* All answers must be well-formed. */
static void hear(struct http_in *h, struct buf *out)
{
    enum http_step step;
    size_t used;

    if (h->head.status == 101)
        buf_clear(out);
    do {
        step = http_read(h, buf_bytes(out), &used);
        buf_drop(out, used);
        if (step == HTTP_STEP_HEAD && h->head.status == 101) { /* no HTTP follows */
            buf_clear(out);
            return;
        }
    } while (step == HTTP_STEP_HEAD || step == HTTP_STEP_MESSAGE);
    if (step == HTTP_STEP_BAD)
        abort();
}

static void converse(struct talk *f, struct bytes in, size_t slice, bool has_head)
{
    struct buf pending = buf_max(1 << 22);
    struct http_in answers;

    http_in_init(&answers, HTTP_RESPONSES, CONN_OUT_MAX);
    while (in.len) {
        buf_put(&pending, bytes_first(in, slice));
        in = bytes_skip(in, slice);
        buf_drop(&pending, f->ops->input(f, buf_bytes(&pending), NOW_MS));
        if (has_head) /* whose answers have no body, so nobody can tell where they end without the questions */
            buf_clear(f->out);
        else
            hear(&answers, f->out);
    }
    f->ops->wake(f, NOW_MS);
    f->ops->tick(f, NOW_MS + HTTP_HEAD_MS);
    f->ops->tick(f, NOW_MS + HTTP_IDLE_MS);
    if (!has_head)
        hear(&answers, f->out);
    f->ops->close(f, ERR_CLOSED, NOW_MS + HTTP_IDLE_MS);
    http_in_free(&answers);
    buf_free(&pending);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct peer peer = {.address = "192.0.2.7:1"};
    static struct waker waker = {no_wake};
    struct buf in = buf_max(1 << 22), out = buf_max(CONN_OUT_MAX);
    struct talk *f;

    if (!size)
        return 0;
    if (!world.hub)
        open_world();
    must(challenges_new(&env.challenges));
    put_input(&in, bytes_of(data + 1, size - 1));
    must(front_http_new(&env, &peer, NOW_MS, &f));
    f->out = &out;
    f->waker = &waker;
    converse(f, buf_bytes(&in), data[0] ? data[0] : SIZE_MAX,
             bytes_find_bytes(buf_bytes(&in), BYTES("HEAD ")) < in.len);
    challenges_free(env.challenges);
    fuzz_hub_reset(&world, NULL);
    buf_free(&in);
    buf_free(&out);
    return 0;
}
