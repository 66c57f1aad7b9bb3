#include "twin_term.h"

#include "map.h"

#include <stdlib.h>

enum { SEED_BOOL = 1, SEED_NUMBER, SEED_TEXT };

uint64_t twin_term_bool(bool yes)
{
    return bytes_hash(yes ? BYTES("t") : BYTES("f"), SEED_BOOL);
}

/* Integers are among them as the double that is next to them; zero has one sign. */
uint64_t twin_term_number(double number)
{
    double plain = number == 0 ? 0 : number;

    return bytes_hash(bytes_of((const uint8_t *)&plain, sizeof plain), SEED_NUMBER);
}

uint64_t twin_term_text(struct bytes text)
{
    return bytes_hash(text, SEED_TEXT);
}

static bool term_of_number(struct bytes text, uint64_t *out)
{
    char digits[TWIN_NUMBER_MAX + 1];
    int64_t integer;

    if (bytes_to_i64(text, &integer)) {
        *out = twin_term_number((double)integer);
        return true;
    }
    if (!bytes_to_str(text, digits, sizeof digits))
        return false;
    *out = twin_term_number(strtod(digits, NULL));
    return true;
}

bool twin_term_of(const struct twin_node *n, uint64_t *out)
{
    switch (n->kind) {
    case TWIN_FALSE:
    case TWIN_TRUE:
        *out = twin_term_bool(n->kind == TWIN_TRUE);
        return true;
    case TWIN_NUMBER:
        return term_of_number(n->value, out);
    case TWIN_TEXT:
        *out = twin_term_text(n->value);
        return true;
    case TWIN_NULL:
    case TWIN_ARRAY:
    case TWIN_OBJECT:
        break;
    }
    return false;
}
