/* Frames of both sides, and beside the borders of TLS records. */
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

/* The other side reads what this one writes, however it is cut. */
static void check_read(enum ws_side side, const struct buf *b, struct bytes wanted, size_t cut)
{
    struct bytes all = buf_bytes(b);
    struct buf got = buf_max(1 << 20);
    struct ws_in in;
    bool closed = false;

    CHECK(!ws_in_init(&in, side));
    for (size_t from = 0; from < all.len; from += cut) {
        struct bytes part = bytes_first(bytes_skip(all, from), cut), piece;
        enum ws_step step;

        while ((step = ws_read(&in, &part, &piece)) != WS_STEP_MORE && step != WS_STEP_CLOSE) {
            CHECK(step == WS_STEP_DATA);
            buf_put(&got, piece);
        }
        closed |= step == WS_STEP_CLOSE;
    }
    CHECK(closed && in.code == WS_NORMAL);
    CHECK_BYTES(buf_bytes(&got), wanted);
    buf_free(&got);
    ws_in_free(&in);
}

TEST(both_sides_read_what_the_other_writes)
{
    static const size_t lens[] = {1, 125, 126, 127, 65535, 65536, 70000}, cuts[] = {1, 7, 4096, 1 << 20};
    static uint8_t stream[70000];
    struct buf client = buf_max(1 << 20), server = buf_max(1 << 20);

    for (size_t i = 0; i < sizeof stream; i++)
        stream[i] = (uint8_t)(i * 31);
    for (size_t k = 0; k < sizeof lens / sizeof *lens; k++) {
        struct bytes bytes = bytes_of(stream, lens[k]);

        buf_clear(&client);
        buf_clear(&server);
        ws_put_masked(&client, WSLAY_BINARY_FRAME, bytes, 0x12345678 + (uint32_t)k);
        ws_put_masked(&client, WSLAY_CONNECTION_CLOSE, BYTES("\x03\xe8"), 0xA0B0C0D0);
        ws_put_stream(&server, bytes);
        ws_put_close(&server, WS_NORMAL);
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            check_read(WS_OF_CLIENT, &client, bytes, cuts[c]);
            check_read(WS_OF_SERVER, &server, bytes, cuts[c]);
        }
    }
    buf_free(&client);
    buf_free(&server);
}

/* RFC 6455 5.7 gives this one. */
TEST(a_masked_frame_has_the_bytes_of_the_standard)
{
    struct buf b = buf_max(64);

    ws_put_masked(&b, WSLAY_TEXT_FRAME, BYTES("Hello"), 0x37fa213d);
    CHECK_BYTES(buf_bytes(&b), BYTES("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    buf_free(&b);
}

TEST(frames_of_the_wrong_side_are_refused)
{
    struct buf b = buf_max(64);
    struct bytes part, piece;
    struct ws_in in;

    ws_put_masked(&b, WSLAY_BINARY_FRAME, BYTES("x"), 1);
    part = buf_bytes(&b);
    CHECK(!ws_in_init(&in, WS_OF_SERVER));
    CHECK(ws_read(&in, &part, &piece) == WS_STEP_BAD && in.code == WS_PROTOCOL_ERROR);
    ws_in_free(&in);
    buf_clear(&b);
    ws_put_stream(&b, BYTES("x"));
    part = buf_bytes(&b);
    CHECK(!ws_in_init(&in, WS_OF_CLIENT));
    CHECK(ws_read(&in, &part, &piece) == WS_STEP_BAD && in.code == WS_PROTOCOL_ERROR);
    ws_in_free(&in);
    buf_free(&b);
}

TESTS(RUN(no_record_ends_with_two_bytes_of_a_head), RUN(both_sides_read_what_the_other_writes),
      RUN(a_masked_frame_has_the_bytes_of_the_standard), RUN(frames_of_the_wrong_side_are_refused))
