/* A motion sensor on libd2d: a device that sends its observations, keeps them while the hub cannot be reached, and
 * knows which ones the hub has on disk. The motion is simulated: read a GPIO line in its place.
 *
 * Its connection string is in the file named by --connection-string-file or in D2D_CONNECTION_STRING. */
#include <d2d.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void on_disconnected(void *ctx, struct d2d_device *device, enum d2d_err why, bool final)
{
    (void)ctx;
    fprintf(stderr, "motion-sensor: %s (%s)%s\n", d2d_err_text(why), d2d_device_detail(device),
            final ? "" : "; observations are kept until it reconnects");
}

/* Sends one observation and waits until the hub has it on disk. */
static enum d2d_err report(struct d2d_device *device, int number)
{
    static const char *const rooms[] = {"hall", "garage", "garden"};
    const struct d2d_property properties[] = {{"kind", "motion"}, {"room", rooms[number % 3]}};
    struct d2d_message message = {
        .content_type = "application/json", .content_encoding = "utf-8", .properties = properties, .n_properties = 2};
    char body[80];
    int64_t began = now_us();
    enum d2d_err e;

    message.body = body;
    message.body_len = (size_t)snprintf(body, sizeof body, "{\"motion\":true,\"room\":\"%s\"}", rooms[number % 3]);
    e = d2d_device_send_wait(device, &message, 30000);
    if (e == D2D_OK)
        printf("motion-sensor: motion in the %s; on the hub's disk after %.1f ms\n", rooms[number % 3],
               (double)(now_us() - began) / 1000);
    else
        fprintf(stderr, "motion-sensor: %s (%s)\n", d2d_err_text(e), d2d_device_detail(device));
    return e;
}

static bool read_line(const char *path, char *out, size_t cap)
{
    FILE *f = fopen(path, "r");
    bool read = f && fgets(out, (int)cap, f);

    if (f)
        fclose(f);
    if (read)
        out[strcspn(out, "\r\n")] = 0;
    return read;
}

static int usage(void)
{
    fputs("usage: motion-sensor [--count N] [--connection-string-file FILE] [--ca-file FILE] [--mqtts-port N]\n",
          stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct d2d_device_options options = {D2D_DEVICE_OPTIONS, .disconnected = on_disconnected};
    const char *environment = getenv("D2D_CONNECTION_STRING");
    char string[4096] = "";
    struct d2d_loop *loop = NULL;
    struct d2d_device *device = NULL;
    long count = 1;
    enum d2d_err e;

    options.common.ca_file = getenv("D2D_CA_FILE");
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (!value)
            return usage();
        if (strcmp(argv[i], "--count") == 0)
            count = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--ca-file") == 0)
            options.common.ca_file = value;
        else if (strcmp(argv[i], "--mqtts-port") == 0)
            options.common.mqtts_port = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--connection-string-file") != 0 || !read_line(value, string, sizeof string))
            return usage();
    }
    if (!string[0] && environment)
        snprintf(string, sizeof string, "%s", environment);
    if (!string[0])
        return usage();
    options.common.connection_string = string;

    if ((e = d2d_loop_new(&loop)) == D2D_OK && (e = d2d_device_new(loop, &options, &device)) == D2D_OK) {
        for (int i = 0; i < count && e == D2D_OK; i++)
            e = report(device, i);
    } else {
        fprintf(stderr, "motion-sensor: %s\n", d2d_err_text(e));
    }
    d2d_device_free(device);
    d2d_loop_free(loop);
    return e ? 1 : 0;
}
