/* Checks before Proton sees a frame: whole, cut at each byte, and off by one at each ceiling. */
#include "amqp_wire.h"
#include "check.h"

static struct buf frame;
static struct amqp_attach got;

static int start(void **state)
{
    (void)state;
    frame = buf_max(1 << 20);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    buf_free(&frame);
    return 0;
}

/* Makes a frame of a performative whose fields lie in a list32. */
static struct bytes make(uint8_t type, unsigned channel, uint8_t code, uint32_t count, struct bytes fields)
{
    buf_clear(&frame);
    buf_put_u32(&frame, (uint32_t)(8 + 3 + 1 + 8 + fields.len));
    buf_put_u8(&frame, 2);
    buf_put_u8(&frame, type);
    buf_put_u16(&frame, (uint16_t)channel);
    buf_put(&frame, BYTES("\x00\x53"));
    buf_put_u8(&frame, code);
    buf_put_u8(&frame, 0xd0);
    buf_put_u32(&frame, (uint32_t)fields.len + 4);
    buf_put_u32(&frame, count);
    buf_put(&frame, fields);
    return buf_bytes(&frame);
}

static enum err check(struct bytes f)
{
    return amqp_frame_check(f, AMQP_VALUES_MAX, &got);
}

/* name "a", handle 0, role, modes; a source with a filter of two values, and a target */
static struct bytes attach_fields(void)
{
    static uint8_t room[64];
    struct buf b = buf_over(room, sizeof room);

    buf_put(&b, BYTES("\xa1\x01"
                      "a\x43\x41\x50\x00\x40"));
    buf_put(&b, BYTES("\x00\x53\x28\xc0\x0d\x08\x40\x40\x40\x40\x40\x40\x40\xc1\x03\x02\x40\x40"));
    buf_put(&b, BYTES("\x00\x53\x29\xc0\x02\x01\x40"));
    return buf_bytes(&b);
}

TEST(an_attach_tells_its_handle_its_mode_and_what_it_costs)
{
    CHECK_OK(check(make(0, 5, AMQP_CODE_ATTACH, 7, attach_fields())));
    CHECK(got.code == AMQP_CODE_ATTACH && got.channel == 5 && !got.sasl);
    CHECK(got.has_handle && got.handle == 0 && got.snd_settle_mode);
    CHECK(got.kept == 2); /* the map is a field of the source, what is in it is not */
}

TEST(a_frame_that_is_cut_anywhere_is_not_whole_and_never_fine)
{
    struct bytes whole = make(0, 5, AMQP_CODE_ATTACH, 7, attach_fields());
    size_t len;

    for (size_t n = 0; n < whole.len; n++) {
        CHECK_OK(amqp_unit(bytes_first(whole, n), AMQP_FRAME_MAX, &len));
        CHECK(len == 0);
        /* The size says that it is all there, and what is in it says otherwise. */
        if (n > 8)
            CHECK(check(bytes_first(whole, n)));
    }
    CHECK_OK(amqp_unit(whole, AMQP_FRAME_MAX, &len));
    CHECK(len == whole.len);
}

TEST(the_size_of_a_frame_is_refused_from_its_first_four_bytes)
{
    const struct {
        uint32_t size;
        size_t most;
        bool fine;
    } sizes[] = {
        {7, AMQP_FRAME_MAX, false},
        {8, AMQP_FRAME_MAX, true},
        {AMQP_FRAME_MAX, AMQP_FRAME_MAX, true},
        {AMQP_FRAME_MAX + 1, AMQP_FRAME_MAX, false},
        {AMQP_FRAME_UNPROVED, AMQP_FRAME_UNPROVED, true},
        {AMQP_FRAME_UNPROVED + 1, AMQP_FRAME_UNPROVED, false},
        {UINT32_MAX, AMQP_FRAME_MAX, false},
    };
    size_t len;

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        buf_clear(&frame);
        buf_put_u32(&frame, sizes[i].size);
        CHECK((amqp_unit(buf_bytes(&frame), sizes[i].most, &len) == OK) == sizes[i].fine);
    }
}

TEST(channels_handles_and_layers_have_their_ends)
{
    CHECK_OK(check(make(0, AMQP_CHANNEL_MAX, AMQP_CODE_END, 0, NO_BYTES)));
    CHECK_ERR(check(make(0, AMQP_CHANNEL_MAX + 1, AMQP_CODE_END, 0, NO_BYTES)), ERR_PROTOCOL);
    CHECK_OK(check(make(0, 0, AMQP_CODE_DETACH, 1, BYTES("\x70\x7f\xff\xff\xff"))));
    CHECK(got.has_handle && got.handle == 0x7fffffff);
    CHECK_ERR(check(make(0, 0, AMQP_CODE_DETACH, 1, BYTES("\x70\x80\x00\x00\x00"))), ERR_PROTOCOL);
    CHECK_ERR(check(make(2, 0, AMQP_CODE_OPEN, 0, NO_BYTES)), ERR_PROTOCOL);
    for (unsigned code = 0; code < 256; code++) {
        CHECK((check(make(0, 0, (uint8_t)code, 0, NO_BYTES)) == OK) ==
              (code >= AMQP_CODE_OPEN && code <= AMQP_CODE_CLOSE));
        CHECK((check(make(1, 0, (uint8_t)code, 0, NO_BYTES)) == OK) ==
              (code >= AMQP_CODE_SASL_MECHANISMS && code <= AMQP_CODE_SASL_OUTCOME));
        CHECK(got.code == 0);
    }
    CHECK_ERR(check(BYTES("\x00\x00\x00\x09\x02\x00\x00\x00\x40")), ERR_MALFORMED); /* not described */
    CHECK_OK(check(BYTES("\x00\x00\x00\x08\x02\x00\x00\x00")));
    CHECK_ERR(check(BYTES("\x00\x00\x00\x08\x01\x00\x00\x00")), ERR_MALFORMED);
    CHECK_ERR(check(BYTES("\x00\x00\x00\x08\x03\x00\x00\x00")), ERR_MALFORMED);
}

/* An open whose properties are so many nulls in a list. */
static struct bytes open_with(unsigned values)
{
    struct buf fields = buf_max(1 << 20);

    buf_put(&fields, BYTES("\xa1\x01x\xd0"));
    buf_put_u32(&fields, values + 4);
    buf_put_u32(&fields, values);
    for (unsigned i = 0; i < values; i++)
        buf_put_u8(&fields, 0x40);
    make(0, 0, AMQP_CODE_OPEN, 2, buf_bytes(&fields));
    buf_free(&fields);
    return buf_bytes(&frame);
}

TEST(values_are_counted_to_the_last)
{
    enum { BESIDES = 5 }; /* the descriptor counts for two; the list, the name, the list of nulls */
    unsigned most = AMQP_VALUES_UNPROVED - BESIDES + 1;

    CHECK_OK(amqp_frame_check(open_with(most), AMQP_VALUES_UNPROVED, &got));
    CHECK(got.kept == most);
    CHECK_ERR(amqp_frame_check(open_with(most + 1), AMQP_VALUES_UNPROVED, &got), ERR_MALFORMED);
}

/* A list that claims more than the performative's bytes, or fewer. */
TEST(lengths_that_lie_are_not_well_formed)
{
    struct bytes whole = make(0, 0, AMQP_CODE_ATTACH, 7, attach_fields());
    uint8_t copy[128];

    for (size_t at = 12; at < whole.len; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            memcpy(copy, whole.at, whole.len);
            copy[at] ^= (uint8_t)(1u << bit);
            enum err e = check(bytes_of(copy, whole.len)); /* anything but a read beyond its end */
            CHECK(e == OK || e == ERR_MALFORMED || e == ERR_PROTOCOL);
        }
    CHECK_ERR(check(make(0, 0, AMQP_CODE_ATTACH, 8, attach_fields())), ERR_MALFORMED);
    CHECK_ERR(check(make(0, 0, AMQP_CODE_ATTACH, 6, attach_fields())), ERR_MALFORMED);
}

TEST(a_begin_says_whether_it_answers_and_a_disposition_how_far_it_goes)
{
    CHECK_OK(check(make(0, 0, AMQP_CODE_BEGIN, 1, BYTES("\x40"))));
    CHECK(!got.answers);
    CHECK_OK(check(make(0, 0, AMQP_CODE_BEGIN, 1, BYTES("\x60\x00\x00"))));
    CHECK(got.answers);
    CHECK_OK(check(make(0, 0, AMQP_CODE_DISPOSITION, 3, BYTES("\x41\x52\x05\x70\x00\x00\x01\x05"))));
    CHECK(got.range == 0x100);
    CHECK_OK(check(make(0, 0, AMQP_CODE_DISPOSITION, 3, BYTES("\x41\x52\x05\x43"))));
    CHECK(got.range == UINT32_MAX - 4); /* serial numbers go round */
    CHECK_OK(check(make(0, 0, AMQP_CODE_DISPOSITION, 2, BYTES("\x41\x52\x05"))));
    CHECK(got.range == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
TESTS(CASE(an_attach_tells_its_handle_its_mode_and_what_it_costs),
      CASE(a_frame_that_is_cut_anywhere_is_not_whole_and_never_fine),
      CASE(the_size_of_a_frame_is_refused_from_its_first_four_bytes), CASE(channels_handles_and_layers_have_their_ends),
      CASE(values_are_counted_to_the_last), CASE(lengths_that_lie_are_not_well_formed),
      CASE(a_begin_says_whether_it_answers_and_a_disposition_how_far_it_goes))
