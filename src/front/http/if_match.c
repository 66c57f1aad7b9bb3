/* If-Match (service 4.2, RFC 9110, 13.1.1): *, "*", x, "x", W/"x", or several of these ETags, separated by commas. */
#include "http_front.h"

/* provisioning 3.4: some clients write any quotes and backslashes around an ETag; none of ours has one in it. */
static bool is_quote(uint8_t c)
{
    return c == '"' || c == '\\';
}

struct bytes http_unquoted(struct bytes tag)
{
    while (tag.len && is_quote(tag.at[0]))
        tag = bytes_skip(tag, 1);
    while (tag.len && is_quote(tag.at[tag.len - 1]))
        tag.len--;
    return tag;
}

static struct bytes bare(struct bytes tag)
{
    tag = bytes_trim(tag);
    return http_unquoted(bytes_starts(tag, BYTES("W/")) ? bytes_skip(tag, 2) : tag);
}

/* The end of the first ETag of the list: a comma between quotes is a part of it. */
static size_t first_len(struct bytes list)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < list.len && (quoted || list.at[i] != ','); i++)
        quoted ^= list.at[i] == '"';
    return i;
}

static bool lists(struct bytes list, struct bytes etag)
{
    while (list.len) {
        size_t len = first_len(list);

        if (bytes_eq(bare(bytes_first(list, len)), etag))
            return true;
        list = bytes_skip(list, len < list.len ? len + 1 : len);
    }
    return false;
}

struct match http_match(const struct http_head *head)
{
    struct bytes text = http_header(head, BYTES("if-match"));

    if (!text.at)
        return (struct match){.how = MATCH_NONE};
    if (bytes_eq(bare(text), BYTES("*")))
        return (struct match){.how = MATCH_ANY};
    return (struct match){.how = MATCH_ETAG, .etag = text, .lists = lists};
}
