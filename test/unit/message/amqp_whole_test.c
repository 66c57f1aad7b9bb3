/* Frames on their way out: whole, cut at each byte, one after the other, and too long to become longer. */
#include "amqp_whole.h"
#include "amqp_wire.h"
#include "check.h"

static struct buf in, out;

static int start(void **state)
{
    (void)state;
    in = buf_max(1 << 20);
    out = buf_max(1 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_free(&in);
    buf_free(&out);
    return 0;
}

/* A frame of a performative: its list as it stands in it, and a payload. */
static void put_frame(struct buf *b, uint8_t type, uint8_t code, struct bytes list, struct bytes payload)
{
    buf_put_u32(b, (uint32_t)(8 + 3 + list.len + payload.len));
    buf_put_u8(b, 2);
    buf_put_u8(b, type);
    buf_put_u16(b, 7);
    buf_put(b, BYTES("\x00\x53"));
    buf_put_u8(b, code);
    buf_put(b, list);
    buf_put(b, payload);
}

static void check_out(const struct buf *wanted, uint32_t most)
{
    for (size_t cut = 0; cut <= in.len; cut++) {
        struct amqp_whole w = {.most = most};

        buf_clear(&out);
        amqp_whole(&w, bytes_first(buf_bytes(&in), cut), &out);
        amqp_whole(&w, bytes_skip(buf_bytes(&in), cut), &out);
        CHECK_BYTES(buf_bytes(&out), buf_bytes(wanted));
        CHECK(!w.have && !w.before && !w.behind && !w.n_missing);
    }
}

#define NULLS(n) bytes_first(BYTES("\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40\x40"), n)

TEST(each_performative_gets_all_of_its_fields)
{
    static const uint8_t fields[] = {10, 8, 14, 11, 11, 6, 3, 1, 1};
    struct buf wanted = buf_max(1 << 16), list = buf_max(256);

    for (uint8_t i = 0; i < sizeof fields; i++) {
        uint8_t code = (uint8_t)(AMQP_CODE_OPEN + i);
        struct bytes payload = code == AMQP_CODE_TRANSFER ? BYTES("payload") : NO_BYTES;

        for (uint8_t count = 0; count <= fields[i]; count++) {
            buf_clear(&list);
            buf_put(&list, BYTES("\xc0"));
            buf_put_u8(&list, (uint8_t)(count + 1));
            buf_put_u8(&list, count);
            for (int k = 0; k < count; k++)
                buf_put_u8(&list, 0x43); /* a 0 */
            put_frame(&in, 0, code, buf_bytes(&list), payload);
            list.at[2] = fields[i];
            for (int k = count; k < fields[i]; k++)
                if (code == AMQP_CODE_BEGIN && k == 4)
                    buf_put(&list, BYTES("\x70\x7f\xff\xff\xff")); /* handle-max */
                else
                    buf_put_u8(&list, 0x40);
            list.at[1] = (uint8_t)(list.len - 2);
            put_frame(&wanted, 0, code, buf_bytes(&list), payload);
        }
    }
    check_out(&wanted, UINT32_MAX);
    buf_free(&wanted);
    buf_free(&list);
}

TEST(lists_of_every_width_grow_and_become_long_where_they_must)
{
    struct buf wanted = buf_max(4096), list = buf_max(1024);

    put_frame(&in, 0, AMQP_CODE_CLOSE, BYTES("\x45"), NO_BYTES);
    put_frame(&wanted, 0, AMQP_CODE_CLOSE, BYTES("\xc0\x02\x01\x40"), NO_BYTES);
    put_frame(&in, 0, AMQP_CODE_DETACH, BYTES("\xd0\x00\x00\x00\x05\x00\x00\x00\x01\x43"), NO_BYTES);
    put_frame(&wanted, 0, AMQP_CODE_DETACH, BYTES("\xc0\x04\x03\x43\x40\x40"), NO_BYTES);
    buf_put(&list, BYTES("\xc0\xfe\x01\xa1\xfb")); /* a text of 251 bytes: with two nulls more it is 256 long */
    for (int i = 0; i < 251; i++)
        buf_put_u8(&list, 'x');
    put_frame(&in, 0, AMQP_CODE_DETACH, buf_bytes(&list), NO_BYTES);
    struct bytes text = bytes_skip(buf_bytes(&list), 3);
    struct buf grown = buf_max(1024);
    buf_put(&grown, BYTES("\xd0\x00\x00\x01\x03\x00\x00\x00\x03"));
    buf_put(&grown, text);
    buf_put(&grown, NULLS(2));
    put_frame(&wanted, 0, AMQP_CODE_DETACH, buf_bytes(&grown), NO_BYTES);
    check_out(&wanted, UINT32_MAX);
    buf_free(&wanted);
    buf_free(&grown);
    buf_free(&list);
}

TEST(all_else_goes_out_as_it_is)
{
    buf_put(&in, BYTES("AMQP\x03\x01\x00\x00"));
    put_frame(&in, 1, 0x40, BYTES("\xc0\x01\x00"), NO_BYTES); /* of SASL */
    buf_put(&in, BYTES("AMQP\x00\x01\x00\x00"));
    buf_put(&in, BYTES("\x00\x00\x00\x08\x02\x00\x00\x00")); /* a sign of life */
    put_frame(&in, 0, 0x77, BYTES("\x45"), NO_BYTES);
    put_frame(&in, 0, AMQP_CODE_END, BYTES("\xc0\x02\x01\x40"), NO_BYTES);
    check_out(&in, UINT32_MAX);
}

TEST(a_frame_that_would_be_too_long_for_the_peer_stays_short)
{
    struct buf payload = buf_max(1024);

    for (int i = 0; i < 500; i++)
        buf_put_u8(&payload, 'x');
    put_frame(&in, 0, AMQP_CODE_TRANSFER, BYTES("\xc0\x02\x01\x43"), buf_bytes(&payload));
    check_out(&in, 512);
    buf_free(&payload);
}

static uint32_t opened(const char *fields, size_t len, uint32_t *left)
{
    struct buf list = buf_max(256);
    struct amqp_whole w = {.most = 0};

    buf_put_u8(&list, 0xc0);
    buf_put_u8(&list, (uint8_t)(len + 1));
    buf_put_u8(&list, 3);
    buf_put(&list, bytes_of(fields, len));
    buf_clear(&in);
    put_frame(&in, 0, AMQP_CODE_OPEN, buf_bytes(&list), NO_BYTES);
    amqp_whole_open(&w, in.at, in.len);
    struct rd r = rd_over(bytes_skip(buf_bytes(&in), in.len - 4));
    *left = rd_u32(&r);
    buf_free(&list);
    return w.most;
}

#define OPENED(fields, left) opened(fields, sizeof(fields) - 1, left)

TEST(of_the_frames_that_a_peer_takes_some_room_is_kept)
{
    uint32_t left;

    CHECK(OPENED("\xa1\x01x\x40\x70\x00\x00\x10\x00", &left) == 4096 && left == 4096 - AMQP_WHOLE_ROOM);
    CHECK(OPENED("\xb1\x00\x00\x00\x01x\xa1\x01h\x70\xff\xff\xff\xff", &left) == UINT32_MAX);
    CHECK(left == UINT32_MAX - AMQP_WHOLE_ROOM);
    CHECK(OPENED("\xa1\x01x\x40\x70\x00\x00\x02\x00", &left) == 512 && left == 512);
    CHECK(OPENED("\xa1\x01x\x40\x40", &left) == UINT32_MAX);
    for (size_t cut = 0; cut < in.len; cut++) {
        struct amqp_whole w;

        amqp_whole_open(&w, in.at, cut);
        CHECK(w.most == UINT32_MAX);
    }
}

#define ROW(name) cmocka_unit_test_setup_teardown(name, start, stop)

TESTS(ROW(each_performative_gets_all_of_its_fields), ROW(lists_of_every_width_grow_and_become_long_where_they_must),
      ROW(all_else_goes_out_as_it_is), ROW(a_frame_that_would_be_too_long_for_the_peer_stays_short),
      ROW(of_the_frames_that_a_peer_takes_some_room_is_kept))
