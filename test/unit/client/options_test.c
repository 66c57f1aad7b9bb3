#include "check.h"
#include "options.h"

static struct d2d_loop *loop;

static int open_loop(void **state)
{
    (void)state;
    return d2d_loop_new(&loop);
}

static int close_loop(void **state)
{
    (void)state;
    d2d_loop_free(loop);
    return 0;
}

static void check_says(const char *part)
{
    if (!strstr(d2d_loop_detail(loop), part))
        fail_msg("\"%s\" does not say \"%s\"", d2d_loop_detail(loop), part);
}

TEST(options_without_their_size_are_refused_with_a_sentence)
{
    struct d2d_device_options none = {.once = true}, half = {.size = sizeof half};
    struct d2d_device *device = NULL;

    CHECK(d2d_device_new(loop, &none, &device) == D2D_ARGUMENT);
    check_says("do not begin with their size");
    CHECK(d2d_device_new(loop, &half, &device) == D2D_ARGUMENT);
    check_says("do not begin with their size");
    CHECK(d2d_device_new(loop, NULL, &device) == D2D_ARGUMENT);
    check_says("there are no options");
    CHECK(!device);
}

/* Options of a program that was compiled before two fields came, one in the common part and one behind it. */
TEST(shorter_options_of_an_older_program_are_taken)
{
    struct d2d_device_options out;
    struct {
        size_t size;
        struct {
            _Alignas(struct d2d_options) size_t size;
            const char *connection_string, *ca_file;
        } common;
        size_t queue_messages;
    } theirs = {.size = sizeof theirs, .common = {sizeof theirs.common, "string", "ca"}, .queue_messages = 7};

    memset(&out, 0xFF, sizeof out);
    CHECK(options_take_all(loop, &theirs, &out, sizeof out) == D2D_OK);
    CHECK(out.size == sizeof out && out.queue_messages == 7 && !out.queue_bytes && !out.once && !out.c2d && !out.ctx);
    assert_string_equal(out.common.connection_string, "string");
    assert_string_equal(out.common.ca_file, "ca");
    CHECK(!out.common.host && !out.common.mqtts_port && !out.common.log);
}

struct newer {
    size_t size;
    struct {
        struct d2d_options known;
        int64_t more;
    } common;
    char known[sizeof(struct d2d_device_options) - sizeof(size_t) - sizeof(struct d2d_options)];
    int64_t more;
};

TEST(longer_options_of_a_newer_program_are_taken_if_they_ask_for_nothing_new)
{
    struct d2d_device_options out;
    struct newer theirs;
    size_t window = 9;

    memset(&theirs, 0, sizeof theirs);
    theirs.size = sizeof theirs;
    theirs.common.known.size = sizeof theirs.common;
    theirs.common.known.mqtts_port = 1883;
    memcpy(theirs.known +
               (offsetof(struct d2d_device_options, window) - offsetof(struct d2d_device_options, queue_messages)),
           &window, sizeof window);
    CHECK(options_take_all(loop, &theirs, &out, sizeof out) == D2D_OK);
    CHECK(out.common.mqtts_port == 1883 && out.window == 9);
    theirs.more = 1;
    CHECK(options_take_all(loop, &theirs, &out, sizeof out) == D2D_UNSUPPORTED);
    check_says("this version of libd2d");
    theirs.more = 0;
    theirs.common.more = 1;
    CHECK(options_take_all(loop, &theirs, &out, sizeof out) == D2D_UNSUPPORTED);
}

TEST(every_new_leaves_a_sentence)
{
    static const struct {
        const char *string, *says;
    } cases[] = {
        {NULL, "the connection string is missing"},
        {"hello", "the connection string: a part has no \"=\""},
        {"DeviceId=d;SharedAccessKey=x", "the connection string: HostName is missing"},
        {"HostName=h;DeviceId=d;hostname=i", "hostname is given twice"},
        {"HostName=h;DeviceId=", "DeviceId is empty"},
        {"HostName=h;DeviceId=d;DeviceId=e", "DeviceId is given twice"},
        {"HostName=::1;DeviceId=d;x509=true", "an IPv6 address needs brackets: HostName=[::1]"},
        {"HostName=h:99999;DeviceId=d;x509=true", "HostName must be a host name, or a host name and a port"},
        {"HostName=h;DeviceId=d;x509=true;SharedAccessKey=x", "exclude each other"},
        {"HostName=h;ModuleId=m;SharedAccessKey=x", "ModuleId needs DeviceId"},
        {"HostName=h;DeviceId=d", "no key"},
        {"HostName=h;DeviceId=d;SharedAccessKey=!", "base64"},
        {"HostName=h;SharedAccessKeyName=n;SharedAccessKey=c2VjcmV0c2VjcmV0c2VjcmV0", "a policy's"},
    };
    struct d2d_device *device = NULL;
    struct d2d_operator *op = NULL;
    struct d2d_receiver *receiver = NULL;
    struct d2d_registry *registry = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct d2d_device_options o = {D2D_DEVICE_OPTIONS, .common.connection_string = cases[i].string};

        CHECK(d2d_device_new(loop, &o, &device) == D2D_ARGUMENT && !device);
        check_says(cases[i].says);
    }
    struct d2d_device_options no_ca = {D2D_DEVICE_OPTIONS,
                                       .common.connection_string =
                                           "HostName=h;DeviceId=d;SharedAccessKey=c2VjcmV0c2VjcmV0c2VjcmV0",
                                       .common.ca_file = "/nowhere/ca.pem"};
    CHECK(d2d_device_new(loop, &no_ca, &device) == D2D_ARGUMENT);
    check_says("cannot read the CA file /nowhere/ca.pem");
    CHECK(d2d_operator_new(loop, &(struct d2d_operator_options){D2D_OPERATOR_OPTIONS}, &op) == D2D_ARGUMENT);
    check_says("the connection string is missing");
    CHECK(d2d_receiver_new(loop, &(struct d2d_receiver_options){D2D_RECEIVER_OPTIONS}, &receiver) == D2D_ARGUMENT);
    check_says("a function for its events");
    CHECK(d2d_registry_new(loop, &(struct d2d_options){D2D_OPTIONS}, &registry) == D2D_ARGUMENT);
    check_says("the connection string is missing");
    CHECK(!op && !receiver && !registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(options_without_their_size_are_refused_with_a_sentence), RUN(shorter_options_of_an_older_program_are_taken),
        RUN(longer_options_of_a_newer_program_are_taken_if_they_ask_for_nothing_new), RUN(every_new_leaves_a_sentence)};

    return cmocka_run_group_tests(tests, open_loop, close_loop);
}
