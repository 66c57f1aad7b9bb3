/* Filters and link properties of receivers, from bytes: what each family of clients writes, and what none should. */
#include "check.h"
#include "kinds/filter.h"
#include "sections.h"

#include <stdlib.h>

#define KEY "apache.org:selector-filter:string"
#define AFTER_4 "amqp.annotation.x-opt-sequence-number > '4'"

static struct selector selector;
static struct complaint why;

/* Appends a pair to a map. `descriptor` as it lies in a message; none: the value is not described. */
static void put_filter(struct buf *b, const char *key, struct bytes descriptor, struct bytes value)
{
    put_sym(b, bytes_str(key));
    if (descriptor.len)
        buf_put_u8(b, 0);
    buf_put(b, descriptor);
    buf_put(b, value);
}

static struct bytes string(const char *text)
{
    static struct buf b;

    buf_free(&b);
    b = buf_max(256);
    put_str(&b, bytes_str(text));
    return buf_bytes(&b);
}

/* Reads a set of the filters that are in `b`, `n` of them. */
static enum err read(const struct buf *b, uint32_t n, struct buf *echo)
{
    struct buf set = buf_max(4096);
    size_t at = put_map_begin(&set);
    struct amqp_value v;
    enum err e;

    buf_put(&set, buf_bytes(b));
    put_compound_end(&set, at, 2 * n);
    v = amqp_value_in(buf_bytes(&set));
    buf_clear(echo);
    e = amqp_filter_read(&v, &selector, echo, &why);
    buf_free(&set);
    return e;
}

static enum err read_one(const char *key, struct bytes descriptor, struct bytes value, struct buf *echo)
{
    struct buf b = buf_max(1024);
    enum err e;

    put_filter(&b, key, descriptor, value);
    e = read(&b, 1, echo);
    buf_free(&b);
    return e;
}

#define SYMBOL   \
    BYTES("\xa3" \
          "\x21" KEY)

TEST(every_descriptor_of_a_selector_is_known_and_comes_back)
{
    const struct bytes descriptors[] = {SYMBOL, BYTES("\x80\x00\x00\x46\x8c\x00\x00\x00\x04"),
                                        BYTES("\x80\x00\x00\x00\x13\x70\x00\x00\x0a"), NO_BYTES};
    struct buf echo = buf_max(1024);
    struct amqp_value set, key, descriptor, value;

    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++) {
        CHECK_OK(read_one(KEY, descriptors[i], string(AFTER_4), &echo));
        CHECK(selector.has_position && selector.position.value == 4);
        set = amqp_value_in(buf_bytes(&echo));
        struct amqp_pairs pairs = amqp_pairs_of(&set);
        CHECK(amqp_pairs_next_described(&pairs, &key, &descriptor, &value));
        CHECK_BYTES(key.raw, BYTES(KEY));
        CHECK(!descriptor.code == !descriptors[i].len);
        CHECK(!descriptor.code || bytes_ends(descriptors[i], descriptor.raw));
        CHECK_BYTES(value.raw, BYTES(AFTER_4));
        CHECK(!amqp_pairs_next(&pairs, &key, &value));
    }
    /* With a descriptor that says all, the key may be any. */
    CHECK_OK(read_one("mine", SYMBOL, string(AFTER_4), &echo));
    CHECK(selector.has_position && echo.len);
    buf_free(&echo);
}

TEST(other_filters_are_left_out)
{
    struct buf echo = buf_max(1024), b = buf_max(1024);

    CHECK_OK(read_one("no-local", BYTES("\x53\x07"), string(AFTER_4), &echo));
    CHECK(!selector.has_position && !echo.len);
    CHECK_OK(read_one(KEY, SYMBOL, BYTES("\x40"), &echo)); /* null */
    CHECK(!selector.has_position && !echo.len);
    put_filter(&b, "no-local", BYTES("\x53\x07"), BYTES("\x45"));
    put_filter(&b, KEY, SYMBOL, string(AFTER_4));
    CHECK_OK(read(&b, 2, &echo));
    CHECK(selector.position.value == 4 && echo.len);
    buf_free(&b);
    buf_free(&echo);
}

TEST(a_set_that_is_no_map_holds_nothing)
{
    const struct bytes others[] = {BYTES(""), BYTES("\x40"), BYTES("\x45"), BYTES("\xa1\x01x")};
    struct buf echo = buf_max(1024);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct amqp_value v = amqp_value_in(others[i]);

        CHECK_OK(amqp_filter_read(&v, &selector, &echo, &why));
        CHECK(!selector.has_position && selector.position.from == FROM_EARLIEST && !echo.len);
    }
    buf_free(&echo);
}

TEST(a_selector_that_is_none_is_refused_with_the_reason)
{
    struct buf echo = buf_max(1024), b = buf_max(1024);

    CHECK(read_one(KEY, SYMBOL, BYTES("\x52\x07"), &echo) == ERR_MALFORMED);
    CHECK(why.e && strstr(why.text, "described string"));
    CHECK(read_one(KEY, BYTES("\x53\x07"), string(AFTER_4), &echo) == ERR_MALFORMED);
    CHECK(why.e && strstr(why.text, "described string"));
    CHECK(read_one(KEY, SYMBOL, string("amqp.annotation.x-opt-sequence-number >"), &echo));
    CHECK(why.e);
    put_filter(&b, KEY, SYMBOL, string(AFTER_4));
    put_filter(&b, KEY, SYMBOL, string(AFTER_4));
    CHECK(read(&b, 2, &echo) == ERR_MALFORMED);
    CHECK(strstr(why.text, "more than one"));
    buf_free(&b);
    buf_free(&echo);
}

/* A frame that was cut is refused before; a set of which the rest is missing must do no harm all the same. */
TEST(a_set_cut_anywhere_does_no_harm)
{
    struct buf b = buf_max(1024), echo = buf_max(1024);
    size_t at = put_map_begin(&b);

    put_filter(&b, "no-local", BYTES("\x53\x07"), BYTES("\x45"));
    put_filter(&b, KEY, SYMBOL, string(AFTER_4));
    put_compound_end(&b, at, 4);
    for (size_t n = 0; n < b.len - at; n++) {
        uint8_t *copy = malloc(n ? n : 1); /* a sanitizer sees what is read behind it */
        const struct amqp_value v = {.code = AMQP_MAP32, .raw = bytes_of(copy, n), .count = 4};

        CHECK(copy);
        memcpy(copy, b.at + at, n);
        buf_clear(&echo);
        CHECK_OK(amqp_filter_read(&v, &selector, &echo, &why));
        CHECK(!selector.has_position);
        free(copy);
    }
    buf_free(&b);
    buf_free(&echo);
}

static struct amqp_owner owner_of(struct bytes epoch, struct bytes name)
{
    struct buf b = buf_max(1024);
    size_t at = put_map_begin(&b);
    struct amqp_owner owner;
    struct amqp_value v;

    put_sym(&b, BYTES("com.microsoft:epoch"));
    buf_put(&b, epoch);
    put_sym(&b, BYTES("com.microsoft:receiver-name"));
    buf_put(&b, name);
    put_compound_end(&b, at, 4);
    v = amqp_value_in(buf_bytes(&b));
    amqp_owner_read(&v, &owner);
    buf_free(&b);
    return owner;
}

TEST(an_epoch_may_have_any_width)
{
    static const struct {
        struct bytes bytes;
        bool is;
        int64_t epoch;
    } cases[] = {
#define B(text) {(const uint8_t *)(text), sizeof(text) - 1}
        {B("\x55\x07"), true, 7},
        {B("\x81\x00\x00\x00\x00\x00\x00\x01\x00"), true, 256},
        {B("\x54\xff"), true, -1},
        {B("\x44"), true, 0},
        {B("\x60\x01\x02"), true, 258},
        {B("\x80\x7f\xff\xff\xff\xff\xff\xff\xff"), true, INT64_MAX},
        {B("\x80\xff\xff\xff\xff\xff\xff\xff\xff"), true, INT64_MAX}, /* above what we count to: the highest */
        {B("\xa1\x01\x37"), false, 0},
        {B("\x40"), false, 0},
        {B("\x45"), false, 0},
#undef B
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct amqp_owner owner = owner_of(cases[i].bytes, BYTES("\x40"));

        CHECK(owner.has_epoch == cases[i].is && owner.epoch == cases[i].epoch);
        assert_string_equal(owner.name, "nil");
    }
}

TEST(a_receiver_has_the_beginning_of_its_name_or_none)
{
    char text[2 * RECEIVER_NAME_CAP];
    struct amqp_value none = {.code = 0};
    struct amqp_owner owner;

    assert_string_equal(owner_of(BYTES("\x40"), string("me")).name, "me");
    assert_string_equal(owner_of(BYTES("\x40"), BYTES("\xa1\x02"
                                                      "a\0"))
                            .name,
                        "nil");
    assert_string_equal(owner_of(BYTES("\x40"), BYTES("\x53\x07")).name, "nil");
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    owner = owner_of(BYTES("\x40"), string(text));
    CHECK(strlen(owner.name) == RECEIVER_NAME_CAP - 1);
    amqp_owner_read(&none, &owner);
    CHECK(!owner.has_epoch);
    assert_string_equal(owner.name, "nil");
}

TESTS(RUN(every_descriptor_of_a_selector_is_known_and_comes_back), RUN(other_filters_are_left_out),
      RUN(a_set_that_is_no_map_holds_nothing), RUN(a_selector_that_is_none_is_refused_with_the_reason),
      RUN(a_set_cut_anywhere_does_no_harm), RUN(an_epoch_may_have_any_width),
      RUN(a_receiver_has_the_beginning_of_its_name_or_none))
