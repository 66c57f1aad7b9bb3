#include "words.h"

#include <assert.h>

static const char *const words[AMQP_WORDS_END][AMQP_SPELLINGS_MAX + 1] = {
#define X(word, ...) [word] = {__VA_ARGS__},
    AMQP_WORDS(X)
#undef X
};

const char *const *amqp_spellings(enum amqp_word word)
{
    return words[word];
}

bool amqp_is(struct bytes text, enum amqp_word word)
{
    assert(word < AMQP_WORDS_END && words[word][0]);
    for (const char *const *spelled = words[word]; *spelled; spelled++)
        if (bytes_eq_nocase(text, bytes_str(*spelled)))
            return true;
    return false;
}

bool amqp_map_word(const struct amqp_value *map, enum amqp_word word, struct amqp_value *out)
{
    struct amqp_pairs pairs = amqp_pairs_of(map);
    struct amqp_value key;

    while (amqp_pairs_next(&pairs, &key, out))
        if (amqp_value_is_text(&key) && amqp_is(key.raw, word))
            return true;
    return false;
}
