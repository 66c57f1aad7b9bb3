/* Twins: a device of libd2d reports and follows, an operator of the same program sets, over each transport. */
#include "check.h"
#include "live_hub.h"

static struct d2d_loop *loop;
static struct d2d_device *device;
static char seen[512]; /* the desired properties that came */

static void on_desired(void *ctx, struct d2d_device *d, const struct d2d_desired *desired)
{
    size_t used = strlen(seen);

    (void)ctx, (void)d;
    CHECK(strlen(desired->json) == desired->json_len);
    snprintf(seen + used, sizeof seen - used, "%s%d:%s ", desired->whole ? "=" : "+", (int)desired->version,
             desired->json);
}

static void run_until_seen(const char *text)
{
    for (int turns = 0; !strstr(seen, text); turns++) {
        if (turns > 1500)
            print_error("\"%s\" did not come, but \"%s\"\n", text, seen);
        CHECK(turns <= 1500);
        CHECK(d2d_loop_run(loop, 20) == D2D_TIMED_OUT);
    }
}

static void set_desired(struct d2d_registry *registry, const char *id, const char *json)
{
    char text[256], *answer = NULL;

    snprintf(text, sizeof text, "{\"properties\":{\"desired\":%s}}", json);
    CHECK(d2d_twin_patch(registry, id, text, NULL, &answer) == D2D_OK);
    CHECK(strstr(answer, "\"properties\""));
    free(answer);
}

static void open_device(const char *string, enum d2d_transport transport)
{
    struct d2d_device_options o = {D2D_DEVICE_OPTIONS, .desired = on_desired, .backoff_first_ms = 10};

    seen[0] = 0;
    o.common = live_options(string);
    o.common.transport = transport;
    CHECK(d2d_device_new(loop, &o, &device) == D2D_OK);
}

static void check_reports(struct d2d_registry *registry, const char *id)
{
    static const char first[] = "{\"door\":\"open\",\"n\":1.5}", second[] = "{\"n\":null}";
    int64_t version = 0, after = 0;
    char *json = NULL;

    CHECK(d2d_device_report_wait(device, first, strlen(first), &version, NEVER_MS) == D2D_OK);
    CHECK(d2d_device_report_wait(device, second, strlen(second), &after, NEVER_MS) == D2D_OK);
    CHECK(after == version + 1);
    CHECK(d2d_device_twin_wait(device, &json, NEVER_MS) == D2D_OK);
    CHECK(strstr(json, "\"door\":\"open\"") && !strstr(json, "\"n\""));
    free(json);
    CHECK(d2d_twin_get(registry, id, &json) == D2D_OK);
    CHECK(strstr(json, "\"door\":\"open\""));
    free(json);
    CHECK(d2d_device_report_wait(device, "[1]", 3, NULL, NEVER_MS) == D2D_ARGUMENT);
    CHECK(strstr(d2d_device_detail(device), "object"));
    CHECK(d2d_device_report_wait(device, "{\"a.b\":1}", 9, NULL, NEVER_MS) == D2D_ARGUMENT); /* the hub's own rule */
}

static void check_twin(const char *id, const char *string, enum d2d_transport transport)
{
    struct d2d_options common = live_options(live_owner_string());
    struct d2d_registry *registry;

    CHECK(d2d_loop_new(&loop) == D2D_OK);
    CHECK(d2d_registry_new(loop, &common, &registry) == D2D_OK);
    set_desired(registry, id, "{\"interval\":10,\"gone\":1}");
    open_device(string, transport);
    run_until_seen("\"interval\":10");
    CHECK(seen[0] == '=');
    set_desired(registry, id, "{\"interval\":20,\"gone\":null}");
    run_until_seen("\"interval\":20");
    CHECK(strstr(seen, "+") && strstr(seen, "\"gone\":null"));
    check_reports(registry, id);
    /* Changes while it is offline come with the reconnect, as a whole. */
    d2d_device_free(device);
    set_desired(registry, id, "{\"interval\":30}");
    open_device(string, transport);
    run_until_seen("\"interval\":30");
    CHECK(seen[0] == '=');
    d2d_device_free(device);
    d2d_registry_free(registry);
    d2d_loop_free(loop);
}

TEST(of_a_device_over_each_transport)
{
    static const enum d2d_transport transports[] = {D2D_MQTT, D2D_AMQP, D2D_MQTT_WS, D2D_AMQP_WS};

    for (size_t i = 0; i < sizeof transports / sizeof *transports; i++) {
        live_device("door", false);
        check_twin("door", live_device_string("door"), transports[i]);
    }
}

TEST(of_a_module_over_mqtt_and_amqp)
{
    struct d2d_options common = live_options(live_owner_string());
    struct d2d_identity module = {.id = "door", .module = "camera"}, found, *all;
    struct d2d_registry *registry;
    char string[512];
    size_t n;

    live_device("door", false);
    CHECK(d2d_loop_new(&loop) == D2D_OK);
    CHECK(d2d_registry_new(loop, &common, &registry) == D2D_OK);
    CHECK(d2d_registry_add(registry, &module) == D2D_OK);
    CHECK(d2d_registry_add(registry, &module) == D2D_EXISTS);
    CHECK(d2d_registry_get(registry, "door/camera", &found) == D2D_OK);
    CHECK(!strcmp(found.module, "camera") && !strcmp(found.id, "door"));
    CHECK(d2d_registry_modules(registry, "door", &all, &n) == D2D_OK);
    CHECK(n == 1 && !strcmp(all[0].module, "camera"));
    free(all);
    d2d_registry_free(registry);
    d2d_loop_free(loop);
    snprintf(string, sizeof string, "HostName=localhost;DeviceId=door;ModuleId=camera;SharedAccessKey=%s",
             module.primary_key);
    check_twin("door/camera", string, D2D_MQTT);
    check_twin("door/camera", string, D2D_AMQP);
}

TEST(who_holds_an_old_etag_changes_nothing)
{
    struct d2d_options common = live_options(live_owner_string());
    struct d2d_registry *registry;
    char *json = NULL;

    live_device("door", false);
    CHECK(d2d_loop_new(&loop) == D2D_OK);
    CHECK(d2d_registry_new(loop, &common, &registry) == D2D_OK);
    CHECK(d2d_twin_patch(registry, "door", "{\"tags\":{\"a\":1}}", "AAAA", &json) == D2D_CHANGED);
    CHECK(d2d_twin_replace(registry, "door", "{\"tags\":{\"a\":1}}", NULL, &json) == D2D_OK);
    CHECK(strstr(json, "\"tags\":{\"a\":1}"));
    free(json);
    CHECK(d2d_twin_get(registry, "nobody", &json) == D2D_NOT_FOUND);
    CHECK(d2d_twin_patch(registry, "door", "{\"tags\":5}", NULL, NULL) == D2D_ARGUMENT);
    d2d_registry_free(registry);
    d2d_loop_free(loop);
}

static int open_hub(void **state)
{
    (void)state;
    live_open();
    return 0;
}

static int close_hub(void **state)
{
    live_close();
    return certs_remove(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {RUN(of_a_device_over_each_transport), RUN(of_a_module_over_mqtt_and_amqp),
                                       RUN(who_holds_an_old_etag_changes_nothing)};

    return cmocka_run_group_tests(tests, open_hub, close_hub);
}
