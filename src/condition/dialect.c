#include "dialect.h"

#include "function.h"

static bool is_plain(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$' || c >= 0x80;
}

/* A hyphen between two characters of a name is one of them: Java's keys have a UUID. Minus has blanks around it
 * (service 6.2). */
static bool of_query(struct bytes from, size_t n)
{
    return is_plain(from.at[n]) || (n > 0 && n + 1 < from.len && from.at[n] == '-' && is_plain(from.at[n + 1]));
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* service 6.2: nearly everything; a system property may have brackets, too. */
static bool of_route(struct bytes from, size_t n)
{
    uint8_t c = from.at[n];

    if (c == '[' || c == ']')
        return n > 0 && from.at[0] == '$';
    return !is_blank(c) && !memchr("()<>@,;:\\\"/?={}", c, 15);
}

/* service 2.6: positions are written with and without quotes. */
static bool of_selector(struct bytes from, size_t n)
{
    return !is_blank(from.at[n]) && !memchr("()<>=!,'\"", from.at[n], 9);
}

static const char *const query_marks[] = {"<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", "[",
                                          "]",  ",",  ".",  "*",  "/", "%", "+", "-", NULL};
static const char *const route_marks[] = {"<=", ">=", "<>", "!=", "||", "??", "=", "<", ">", "(", ")",
                                          "[",  "]",  "{",  "}",  ",",  "*",  "/", "%", "+", "-", NULL};
static const char *const selector_marks[] = {"<=", ">=", "<>", "!=", "=", "<", ">", "(", ")", ",", NULL};

/* service 4.8 */
const struct dialect dialect_query = {
    .name = "a query",
    .rules = RULES_QUERY,
    .depth_max = QUERY_DEPTH_MAX,
    .len_max = QUERY_LEN_MAX,
    .of_word = of_query,
    .marks = query_marks,
    .numbers = true,
    .comments = true,
    .dots = true,
    .calls = true,
    .functions = FUNCTION_OF_QUERIES,
};

/* service 6: grants and routes */
const struct dialect dialect_route = {
    .name = "a condition",
    .rules = RULES_ROUTE,
    .depth_max = QUERY_DEPTH_MAX,
    .len_max = QUERY_LEN_MAX,
    .of_word = of_route,
    .marks = route_marks,
    .numbers = true,
    .longest = true,
    .comments = true,
    .dollars = true,
    .lower_words = true,
    .calls = true,
    .functions = FUNCTION_OF_ROUTES,
};

/* service 2.6: which events a receiver wants; selector.c says what of it can be asked for. */
const struct dialect dialect_selector = {
    .name = "a selector",
    .rules = RULES_QUERY,
    .depth_max = SELECTOR_DEPTH_MAX,
    .len_max = SELECTOR_LEN_MAX,
    .of_word = of_selector,
    .marks = selector_marks,
    .doubled = true,
    .comparing = true,
};
