#include "http.h"

#include "text.h"

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

void http_put_status(struct buf *b, int status)
{
    buf_printf(b, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
}

void http_put_request(struct buf *b, const char *method, struct bytes target)
{
    for (size_t i = 0; i < target.len; i++)
        if (target.at[i] <= ' ' || target.at[i] > '~')
            b->bad = true;
    buf_puts(b, method);
    buf_put_u8(b, ' ');
    buf_put(b, target);
    buf_puts(b, " HTTP/1.1\r\n");
}

void http_put_header(struct buf *b, const char *name, struct bytes value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.at[i] < ' ' && value.at[i] != '\t') || value.at[i] == 0x7F)
            b->bad = true;
    buf_puts(b, name);
    buf_puts(b, ": ");
    buf_put(b, value);
    buf_puts(b, "\r\n");
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

bool http_date(struct bytes text, int64_t *ms)
{
    struct bytes name;
    size_t month;
    char room[40];
    struct buf iso = buf_over(room, sizeof room);

    if (text.len != sizeof "Thu, 26 Nov 2026 06:18:14 GMT" - 1)
        return false;
    name = bytes_first(bytes_skip(text, 8), 3);
    month = bytes_find_bytes(bytes_str(months), name);
    if (month % 3 || month >= sizeof months - 1)
        return false;
    buf_printf(&iso, "%.4s-%02zu-%.2sT%.8sZ", (const char *)text.at + 12, month / 3 + 1, (const char *)text.at + 5,
               (const char *)text.at + 17);
    return iso_time_parse(buf_bytes(&iso), ms) == OK;
}

void http_put_date(struct buf *b, int64_t now_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    char iso[ISO_TIME_CAP]; /* 2026-11-23T07:00:00… */
    int64_t day = (now_ms / 86400000) % 7;

    iso_time(now_ms, iso);
    int month = (iso[5] - '0') * 10 + iso[6] - '1';
    buf_printf(b, "Date: %.3s, %.2s %.3s %.4s %.8s GMT\r\n", days + 3 * (day < 0 ? day + 7 : day), iso + 8,
               months + 3 * month, iso, iso + 11);
}

void http_put_end(struct buf *b)
{
    buf_puts(b, "\r\n");
}

void http_put_body(struct buf *b, struct bytes body, bool head_only)
{
    buf_printf(b, "Content-Length: %zu\r\n\r\n", body.len);
    if (!head_only)
        buf_put(b, body);
}
