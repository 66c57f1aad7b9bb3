#include "json_span.h"

static size_t skip_blanks(struct bytes text, size_t at)
{
    while (at < text.len && (text.at[at] == ' ' || (text.at[at] >= '\t' && text.at[at] <= '\r')))
        at++;
    return at;
}

/* Behind the quote that ends the string which begins at `at`. */
static size_t skip_string(struct bytes text, size_t at)
{
    for (at++; at < text.len && text.at[at] != '"'; at++)
        if (text.at[at] == '\\')
            at++;
    return at < text.len ? at + 1 : text.len;
}

/* Behind the value: where the comma or bracket stands that is not its own. */
static size_t skip_value(struct bytes text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        uint8_t c = text.at[at];

        if (c == '"') {
            at = skip_string(text, at);
            continue;
        }
        if (!depth && (c == ',' || c == '}' || c == ']'))
            break;
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        at++;
    }
    return at;
}

struct bytes json_span(struct bytes text, struct bytes name)
{
    size_t at = skip_blanks(text, 0);
    struct bytes found = NO_BYTES;

    if (at == text.len || text.at[at] != '{')
        return NO_BYTES;
    at++;
    while ((at = skip_blanks(text, at)) < text.len && text.at[at] == '"') {
        size_t from = at + 1, colon, end;
        struct bytes member;

        at = skip_string(text, at);
        member = bytes_first(bytes_skip(text, from), at - from - 1);
        colon = skip_blanks(text, at) + 1;
        at = skip_blanks(text, colon);
        end = skip_value(text, at);
        if (bytes_eq_nocase(member, name))
            found = bytes_trim(bytes_first(bytes_skip(text, at), end - at));
        at = end + 1;
    }
    return found;
}

bool json_span_next(struct bytes *rest, struct bytes *out)
{
    size_t at = skip_blanks(*rest, 0), end;

    if (at == rest->len || (rest->at[at] != '[' && rest->at[at] != ','))
        return false;
    at = skip_blanks(*rest, at + 1);
    if (at == rest->len || rest->at[at] == ']')
        return false;
    end = skip_value(*rest, at);
    *out = bytes_trim(bytes_first(bytes_skip(*rest, at), end - at));
    *rest = bytes_skip(*rest, end);
    return true;
}
