/* A whole session of a device and a service, cut at every byte, leaves the same behind and says the same. */
#include "amqp_message.h"

static struct buf recorded; /* what the client says */

static void start_world(void)
{
    world_open(1);
    device_keys("garage");
    for (int i = 0; i < 3; i++)
        post_to("garage", "m", "open", "full", T0);
}

static void as_device(struct client *c)
{
    char token[SAS_LEN_MAX];

    snprintf(token, sizeof token, "%s", token_of("garage", T0 + 3600000));
    client_open(c, SASL, "garage@sas.hub", token);
    pn_link_t *box = open_mailbox(c, "garage", 10), *events = open_sender(c, "garage");
    check_accepted(send_message(c, events, new_message("first")));
    settle_as(c, hear(c, box), PN_ACCEPTED);
    settle_as(c, hear(c, box), PN_REJECTED);
    settle_as(c, hear(c, box), PN_RELEASED);
    check_accepted(send_message(c, events, new_message("second")));
}

static void as_service(struct client *c)
{
    client_open_as_service(c);
    receive_from(c, "/messages/servicebound/feedback", NULL, 10);
    pn_link_t *post = attach_to(c, c->session, "post", true, "/messages/devicebound");
    for (int i = 0; i < 2; i++) {
        pn_message_t *m = new_message("open");
        pn_message_set_address(m, "/devices/garage/messages/devicebound");
        check_accepted(send_message(c, post, m));
    }
}

struct left {
    int64_t events;
    unsigned waiting;
    struct buf said; /* by the hub, when nobody else saw it */
};

/* The talk so far, turn by turn, for a peer waits for its credit; `cut` is where one of them is parted, and `end` where
 * all ends. */
static struct left replay(size_t cut, size_t end)
{
    static struct client c;
    struct rd r = rd_over(buf_bytes(&recorded));
    struct left left;
    size_t at = 0;

    start_world();
    memset(&c, 0, sizeof c);
    c.join.now_ms = T0;
    client_front(&c);
    while (at < end && rd_left(&r)) {
        struct bytes turn = bytes_first(rd_str32(&r), end - at);
        size_t first = cut > at ? cut - at : 0;
        client_input(&c, bytes_first(turn, first));
        client_input(&c, bytes_skip(turn, first));
        at += turn.len;
    }
    left = (struct left){world_stored(&w), waiting_for("garage"), buf_max(1 << 20)};
    buf_put(&left.said, buf_bytes(&c.join.hub.out));
    CHECK(!left.said.bad && !c.join.hub.talk->over);
    client_close(&c);
    world_close();
    return left;
}

static void cut_everywhere(void (*session)(struct client *), int64_t events, unsigned waiting)
{
    static struct client c;

    recorded = buf_max(1 << 20);
    start_world();
    memset(&c, 0, sizeof c);
    c.record = &recorded;
    session(&c);
    client_close(&c);
    world_close();

    struct left whole = replay(0, recorded.len);
    CHECK(whole.events == events && whole.waiting == waiting);
    for (size_t cut = 1; cut < recorded.len; cut++) {
        struct left parts = replay(cut, recorded.len);
        CHECK(parts.events == events && parts.waiting == waiting);
        CHECK_BYTES(buf_bytes(&parts.said), buf_bytes(&whole.said));
        buf_free(&parts.said);
        struct left half = replay(0, cut); /* and nothing comes any more */
        CHECK(half.events <= events);
        buf_free(&half.said);
    }
    buf_free(&whole.said);
    buf_free(&recorded);
}

TEST(a_device_may_be_cut_anywhere)
{
    cut_everywhere(as_device, 2, 1);
}

TEST(a_service_may_be_cut_anywhere)
{
    cut_everywhere(as_service, 0, 5);
}

TESTS(RUN(a_device_may_be_cut_anywhere), RUN(a_service_may_be_cut_anywhere))
