#include "check.h"

#include "buf.h"
#include "log.h"

static void keep(void *ctx, enum log_level level, struct bytes line)
{
    struct buf *b = ctx;

    buf_printf(b, "%d ", (int)level);
    buf_put(b, line);
}

TEST(a_peer_cannot_forge_a_line)
{
    struct buf b = buf_max(10000);

    log_to(keep, &b, LOG_INFO);
    log_event(LOG_WARN, "refused", KVS("device", "a\nerror fake=\"1\""), KVN("port", 8883), KVS("plain", "x/y"),
              KV("empty", BYTES("")));
    CHECK_BYTES(buf_bytes(&b), BYTES("1 refused device=\"a\\x0aerror fake=\\\"1\\\"\" port=8883 plain=x/y empty=\"\""));
    log_to(NULL, NULL, LOG_INFO);
    buf_free(&b);
}

TEST(what_is_not_wanted_is_not_said)
{
    struct buf b = buf_max(10000);

    log_to(keep, &b, LOG_WARN);
    log_event(LOG_INFO, "x", KVN("n", 1));
    CHECK(b.len == 0 && log_wants(LOG_ERROR) && !log_wants(LOG_DEBUG));
    log_to(NULL, NULL, LOG_INFO);
    log_event(LOG_ERROR, "x", KVN("n", 1));
    CHECK(b.len == 0);
    buf_free(&b);
}

TEST(a_long_value_is_cut)
{
    static char text[5000];
    struct buf b = buf_max(10000);

    memset(text, 'a', sizeof text - 1);
    log_to(keep, &b, LOG_INFO);
    log_event(LOG_INFO, "x", KVS("v", text), KVN("n", 1));
    CHECK(b.len < 500 && bytes_ends(buf_bytes(&b), BYTES(" n=1")));
    log_to(NULL, NULL, LOG_INFO);
    buf_free(&b);
}

TESTS(RUN(a_peer_cannot_forge_a_line), RUN(what_is_not_wanted_is_not_said), RUN(a_long_value_is_cut))
