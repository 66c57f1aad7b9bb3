#include "connstr.h"

#include "check.h"

#define KEY "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

TEST(a_device_string_is_taken_apart)
{
    struct connstr c;
    CHECK_OK(connstr_parse(BYTES("HostName=h.example;DeviceId=d=1;SharedAccessKey=" KEY), &c));
    CHECK(c.kind == CONNSTR_DEVICE && c.port == 0);
    CHECK_BYTES(c.host, BYTES("h.example"));
    CHECK_BYTES(c.device, BYTES("d=1"));
    CHECK_BYTES(c.key, BYTES(KEY));
    CHECK(!c.key_name.at && !c.signature.at && !c.x509);
}

TEST(service_and_event_hubs_strings_are_taken_apart)
{
    struct connstr c;
    CHECK_OK(
        connstr_parse(BYTES(" hostname=h.example:8443;sharedaccesskeyname=service;SharedAccessKey=" KEY ";\n"), &c));
    CHECK(c.kind == CONNSTR_SERVICE && c.port == 8443);
    CHECK_BYTES(c.key_name, BYTES("service"));
    CHECK_OK(connstr_parse(
        BYTES("Endpoint=sb://n.example/;SharedAccessKeyName=p;SharedAccessKey=" KEY ";EntityPath=hub;Future=1"), &c));
    CHECK(c.kind == CONNSTR_EVENTS);
    CHECK_BYTES(c.host, BYTES("n.example"));
    CHECK_BYTES(c.entity, BYTES("hub"));
    CHECK_OK(connstr_parse(BYTES("Endpoint=sb://[::1]:5671;SharedAccessKeyName=p;SharedAccessKey=" KEY), &c));
    CHECK_BYTES(c.host, BYTES("[::1]"));
    CHECK(c.port == 5671);
}

TEST(what_cannot_be_meant_is_refused)
{
    static const char *const wrong[] = {
        "",
        ";",
        "HostName",
        "HostName=",
        ("DeviceId=d;SharedAccessKey=" KEY),
        "HostName=h;HostName=i",
        "HostName=h;Endpoint=sb://i/",
        "HostName=h;DeviceId=",
        "HostName=h;DeviceId=d;DeviceId=e",
        "HostName=h;DeviceId=d;SharedAccessKey=a;x509=true",
        "HostName=h;DeviceId=d;SharedAccessKey=a;SharedAccessSignature=b",
        "HostName=h;ModuleId=m;SharedAccessKey=a",
        "HostName=h:0",
        "HostName=h:65536",
        "HostName=h:x",
        "HostName=[::1",
        "HostName=\t\t/",
        "HostName=h;x509=true;x509=true",
    };
    struct connstr c;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_ERR(connstr_parse(bytes_str(wrong[i]), &c), ERR_MALFORMED);
}

TEST(what_is_put_is_parsed_again)
{
    static const char *const texts[] = {
        "HostName=h.example;DeviceId=d;ModuleId=m;SharedAccessKey=" KEY ";GatewayHostName=g",
        "HostName=h.example;SharedAccessKeyName=service;SharedAccessKey=" KEY,
        "HostName=h.example;DeviceId=d;SharedAccessSignature=SharedAccessSignature sr=a&sig=b&se=1",
        "HostName=h.example:8883;DeviceId=d;x509=true",
        "Endpoint=sb://h.example:5671/;SharedAccessKeyName=p;SharedAccessKey=" KEY ";EntityPath=e",
    };
    struct buf b = buf_max(1024);
    struct connstr c;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_clear(&b);
        CHECK_OK(connstr_parse(bytes_str(texts[i]), &c));
        CHECK_OK(connstr_put(&c, &b));
        CHECK_BYTES(buf_bytes(&b), bytes_str(texts[i]));
    }
    buf_clear(&b);
    c.device = BYTES("a;b");
    CHECK_ERR(connstr_put(&c, &b), ERR_ARGUMENT);
    CHECK(b.len == 0);
    buf_free(&b);
}

TEST(a_string_cut_anywhere_stays_inside)
{
    struct bytes text = BYTES("Endpoint=sb://h:5671/;SharedAccessKeyName=p;SharedAccessKey=" KEY ";EntityPath=e");
    struct connstr c;
    for (size_t n = 0; n < text.len; n++)
        if (!connstr_parse(bytes_first(text, n), &c))
            CHECK(c.host.len > 0);
}

TESTS(RUN(a_device_string_is_taken_apart), RUN(service_and_event_hubs_strings_are_taken_apart),
      RUN(what_cannot_be_meant_is_refused), RUN(what_is_put_is_parsed_again), RUN(a_string_cut_anywhere_stays_inside))
