/* Frames beside the borders of TLS records. */
#include "ws.h"

#include "check.h"

/* Takes the frames behind `at` apart; each must have more than two bytes in its record. Gives how many there are. */
static unsigned check_frames(const struct buf *b, size_t at, struct bytes wanted)
{
    unsigned n = 0;

    while (at < b->len) {
        struct rd r = rd_over(bytes_skip(buf_bytes(b), at));
        size_t len;

        if (WS_RECORD - at % WS_RECORD <= 2)
            fail_msg("a frame begins at %zu", at);
        CHECK(rd_u8(&r) == 0x82);
        len = rd_u8(&r);
        len = len == 126 ? rd_u16(&r) : len == 127 ? (size_t)rd_u64(&r) : len;
        struct bytes payload = rd_bytes(&r, len);
        CHECK(!r.bad && len > 0);
        CHECK_BYTES(payload, bytes_first(wanted, len));
        wanted = bytes_skip(wanted, len);
        at = (size_t)(r.at - b->at);
        n++;
    }
    CHECK(wanted.len == 0);
    return n;
}

TEST(no_record_ends_with_two_bytes_of_a_head)
{
    static const size_t lens[] = {4,   5,   8,   100,   124,   125,   126,   127,   128,
                                  129, 130, 200, 16300, 16380, 40000, 65535, 65536, 70000};
    static uint8_t stream[70000];
    struct buf b = buf_max(1 << 20);
    unsigned twice = 0;

    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (uint8_t)(i * 7);
    for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
        for (size_t before = WS_RECORD; before-- > 0;) {
            struct bytes bytes = bytes_of(stream, lens[k]);
            size_t end = before + lens[k] + 16;

            /* Only where a border is near one of the ends, and where a frame may begin. */
            if ((end % WS_RECORD > 64 && before < WS_RECORD - 64) || WS_RECORD - before <= 2)
                continue;
            buf_clear(&b);
            CHECK(buf_grow(&b, before));
            ws_put_stream(&b, bytes);
            unsigned n = check_frames(&b, before, bytes);
            CHECK(n >= 1 && n <= 3);
            twice += n > 1;
            if (lens[k] > 5 && WS_RECORD - b.len % WS_RECORD <= 2)
                fail_msg("%zu bytes at %zu end at %zu", lens[k], before, b.len);
        }
    }
    CHECK(twice > 0);
    buf_clear(&b);
    ws_put_close(&b, WS_NO_CODE);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x88\x02\x03\xe8"));
    buf_free(&b);
}

TESTS(RUN(no_record_ends_with_two_bytes_of_a_head))
