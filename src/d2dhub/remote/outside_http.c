#include "outside_http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECT_LIMIT_MS = 5000, LIMIT_MS = 15000 };

static size_t take(char *at, size_t size, size_t n, void *ctx)
{
    struct outside_http *h = ctx;

    buf_put(h->answer, bytes_of(at, size * n));
    return h->answer->bad ? 0 : size * n;
}

static int look(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct outside_http *h = ctx;

    (void)a, (void)b, (void)c, (void)d;
    return atomic_load(h->stopping);
}

static bool is_loopback(const char *host)
{
    struct in_addr address;

    return !strcmp(host, "localhost") || !strcmp(host, "[::1]") ||
           (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

/* Without TLS whoever stands between could send a device to a hub of his own. */
static bool may_go(const char *text)
{
    CURLU *url = curl_url();
    char *scheme = NULL, *host = NULL;
    bool may = url && !curl_url_set(url, CURLUPART_URL, text, 0) && !curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) &&
               !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
               (!strcmp(scheme, "https") || (!strcmp(scheme, "http") && is_loopback(host)));

    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return may;
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    struct buf line = buf_max(8192);
    struct curl_slist *more = NULL;

    buf_printf(&line, "%s: %s", name, value);
    if (!line.bad)
        more = curl_slist_append(*list, buf_str(&line));
    if (line.at)
        explicit_bzero(line.at, line.cap);
    buf_free(&line);
    if (more)
        *list = more;
    return more != NULL;
}

static bool add_headers(struct curl_slist **list, const struct outside_http *h)
{
    return add_header(list, "Content-Type", "application/json; charset=utf-8") &&
           add_header(list, "Accept", "application/json") &&
           (!h->token || add_header(list, "Authorization", h->token)) &&
           (!h->if_match || add_header(list, "If-Match", h->if_match));
}

static void set(CURL *c, struct outside_http *h, struct curl_slist *headers)
{
    curl_easy_setopt(c, CURLOPT_URL, h->url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https,http");
    curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, h->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, h->body.len ? (const char *)h->body.at : "");
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)h->body.len);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "d2dhub/" D2D_VERSION);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_LIMIT_MS);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)LIMIT_MS);
    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (h->ca_file[0])
        curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, h);
}

enum err outside_http(struct outside_http *h)
{
    struct curl_slist *headers = NULL;
    long status = 0;
    CURL *c;
    CURLcode code;

    buf_clear(h->answer);
    if (!may_go(h->url)) {
        snprintf(h->why, sizeof h->why, "the URL must be https, or http to this computer");
        return ERR_DENIED;
    }
    if (!(c = curl_easy_init()) || !add_headers(&headers, h)) {
        curl_slist_free_all(headers);
        curl_easy_cleanup(c);
        return ERR_MEMORY;
    }
    set(c, h, headers);
    code = curl_easy_perform(c);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    h->status = (int)status;
    snprintf(h->why, sizeof h->why, "%s", code ? curl_easy_strerror(code) : "");
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return code ? ERR_UNREACHABLE : OK;
}
