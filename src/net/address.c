#include "conn.h"

#include <stdio.h>

void conn_address(struct net_conn *c, char *out, size_t cap)
{
    struct sockaddr_storage a;
    int len = sizeof a;
    char host[INET6_ADDRSTRLEN] = "";
    bool six;

    if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &len) < 0) {
        snprintf(out, cap, "unknown");
        return;
    }
    six = a.ss_family == AF_INET6;
    if (six)
        uv_ip6_name((struct sockaddr_in6 *)&a, host, sizeof host);
    else
        uv_ip4_name((struct sockaddr_in *)&a, host, sizeof host);
    snprintf(out, cap, six ? "[%s]:%u" : "%s:%u", host,
             ntohs(six ? ((struct sockaddr_in6 *)&a)->sin6_port : ((struct sockaddr_in *)&a)->sin_port));
}
