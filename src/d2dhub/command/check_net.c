/* Ports and the name of the hub: can clients come? */
#include "check.h"

#include "port_owner.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* 0, or the errno with which the port was refused. */
static int try_port(const char *address, int port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
    const int on = 1;
    int fd, error;

    if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
        return EINVAL;
    fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* connections that linger are no obstacle */
    error = bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6) ||
                    listen(fd, 1)
                ? errno
                : 0;
    close(fd);
    return error;
}

/* The remedies of an ordinary user, and of root, once. */
static void not_permitted(int port, char *out, size_t cap)
{
    char self[PATH_CAP] = "$(command -v d2dhub)";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    if (n > 0)
        self[n] = 0;
    snprintf(out, cap,
             "an ordinary user may not open a port below 1024%s; `sudo setcap cap_net_bind_service=+ep %s` permits it, "
             "or use a port of 1024 or more",
             port == 443 ? ": 8443 is used instead, and clients that always use 443 do not find it" : "", self);
}

static void check_port(struct checking *k, const char *protocol, int port)
{
    int error = port ? try_port(k->config.listen, port) : 0;
    char what[64], owner[128] = "another program", remedy[PATH_CAP + 256];

    snprintf(what, sizeof what, "%s port %d", protocol, port);
    if (!error) {
        check_say(k, FINE, what, "");
    } else if (error == EADDRINUSE && k->running) {
        check_say(k, FINE, what, "");
    } else if (error == EADDRINUSE) {
        port_owner(port, owner, sizeof owner);
        snprintf(remedy, sizeof remedy, "%s uses it; stop that program, or choose another port with %s_port", owner,
                 protocol);
        check_say(k, PROBLEM, what, remedy);
    } else if (error == EACCES) {
        not_permitted(port, remedy, sizeof remedy);
        check_say(k, port == 443 ? WARNING : PROBLEM, what, remedy);
    } else {
        snprintf(remedy, sizeof remedy, "%s on %s; the configuration key is listen", strerror(error), k->config.listen);
        check_say(k, PROBLEM, what, remedy);
    }
}

void check_ports(struct checking *k)
{
    check_port(k, "mqtts", k->config.mqtts_port);
    check_port(k, "amqps", k->config.amqps_port);
    check_port(k, "https", k->config.https_port);
}

/* ---- the name -------------------------------------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr *a)
{
    const struct sockaddr_in *v4 = (const void *)a;
    const struct sockaddr_in6 *v6 = (const void *)a;

    if (a->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return a->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool same_address(const struct sockaddr *a, const struct sockaddr *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

    if (a->sa_family != b->sa_family)
        return false;
    return a->sa_family == AF_INET    ? a4->sin_addr.s_addr == b4->sin_addr.s_addr
           : a->sa_family == AF_INET6 ? IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr)
                                      : false;
}

static bool text_of(const struct sockaddr *a, char out[INET6_ADDRSTRLEN])
{
    socklen_t len = a->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    return (a->sa_family == AF_INET || a->sa_family == AF_INET6) &&
           getnameinfo(a, len, out, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0;
}

/* An address by which others reach this computer, as an example; or one of ours that is `wanted`. */
static bool find_own(const struct ifaddrs *all, const struct sockaddr *wanted, char out[INET6_ADDRSTRLEN])
{
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
            continue;
        if (wanted ? same_address(i->ifa_addr, wanted) : i->ifa_addr->sa_family == AF_INET && !is_loopback(i->ifa_addr))
            return text_of(i->ifa_addr, out);
    }
    return false;
}

struct resolved {
    bool any, ours, loopback, foreign;
    char first[INET6_ADDRSTRLEN];
};

static void resolve(const char *name, const struct ifaddrs *own, struct resolved *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char unused[INET6_ADDRSTRLEN];

    if (getaddrinfo(name, NULL, &hints, &found))
        return;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        bool loopback = is_loopback(at->ai_addr), ours = !loopback && find_own(own, at->ai_addr, unused);

        if (!out->any)
            out->any = text_of(at->ai_addr, out->first);
        out->loopback |= loopback;
        out->ours |= ours;
        out->foreign |= !loopback && !ours;
    }
    freeaddrinfo(found);
}

void check_name(struct checking *k)
{
    const char *name = k->config.name, *listen = k->config.listen;
    char what[HOST_LEN_MAX + 16], remedy[1024], own_text[INET6_ADDRSTRLEN] = "ADDRESS";
    bool only_here = strncmp(listen, "127.", 4) == 0 || strcmp(listen, "::1") == 0 || strcmp(name, "localhost") == 0;
    struct resolved r = {.any = false};
    struct ifaddrs *own = NULL;
    enum verdict v = FINE;

    snprintf(what, sizeof what, "name %s", name);
    if (getifaddrs(&own))
        own = NULL;
    find_own(own, NULL, own_text);
    resolve(name, own, &r);
    remedy[0] = 0;
    if (!r.any) {
        v = WARNING;
        snprintf(
            remedy, sizeof remedy,
            "it does not resolve on this computer: give it a DNS record at your router or name server, or add \"%s "
            "%s\" to /etc/hosts of each computer; names that end in .local are resolved by mDNS (avahi-daemon)",
            only_here ? "127.0.0.1" : own_text, name);
    } else if (only_here ? !r.loopback : r.foreign && !r.ours && !r.loopback) {
        v = WARNING;
        snprintf(remedy, sizeof remedy,
                 "it resolves to %s, which is not an address that this hub listens on: devices reach this hub only if "
                 "that address forwards their connections; otherwise change its DNS record or /etc/hosts",
                 r.first);
    } else if (!only_here && r.loopback && !r.ours) {
        v = WARNING;
        snprintf(remedy, sizeof remedy,
                 "it resolves to %s, which is only this computer: for other devices give it a DNS record, or add \"%s "
                 "%s\" to their /etc/hosts",
                 r.first, own_text, name);
    }
    check_say(k, v, what, remedy);
    freeifaddrs(own);
}
