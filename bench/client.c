#include "client.h"

#include "connstr.h"
#include "text.h"

#include <poll.h>
#include <stdio.h>
#include <time.h>

enum { KEEP_ALIVE_S = 600, TOKEN_S = 3600 };

enum err device_read(const char *line, bool wrong, struct device *out)
{
    struct buf token = buf_max(sizeof out->password - 1);
    char resource[512];
    uint8_t key[KEY_LEN_MAX];
    struct connstr c;
    size_t key_len;
    enum err e = connstr_parse(bytes_trim(bytes_str(line)), &c);

    if (e || (e = base64_decode(c.key, key, sizeof key, &key_len)))
        return e;
    if (wrong)
        key[0] ^= 1;
    snprintf(out->id, sizeof out->id, "%.*s", BYTES_ARG(c.device));
    snprintf(out->user, sizeof out->user, "%.*s/%s/?api-version=2021-04-12", BYTES_ARG(c.host), out->id);
    snprintf(resource, sizeof resource, "%.*s/devices/%s", BYTES_ARG(c.host), out->id);
    if (!(e = sas_make(bytes_str(resource), NO_BYTES, time(NULL) + TOKEN_S, bytes_of(key, key_len), &token)))
        snprintf(out->password, sizeof out->password, "%s", buf_str(&token));
    buf_free(&token);
    return e;
}

void device_put_connect(const struct device *d, struct buf *out)
{
    mqtt_put_connect(out, &(struct mqtt_connect){.clean = true,
                                                 .keep_alive_s = KEEP_ALIVE_S,
                                                 .client_id = bytes_str(d->id),
                                                 .user = bytes_str(d->user),
                                                 .password = bytes_str(d->password)});
}

void turn(struct net_loop *loop, int wait_ms)
{
    int timeout = net_loop_timeout_ms(loop);
    struct pollfd p = {.fd = net_loop_fd(loop), .events = POLLIN};

    if (timeout < 0 || timeout > wait_ms)
        timeout = wait_ms;
    (void)poll(&p, 1, timeout);
    net_loop_turn(loop);
}
