#include "words.h"

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
    for (const char *const *spelled = words[word]; *spelled; spelled++)
        if (bytes_eq_nocase(text, bytes_str(*spelled)))
            return true;
    return false;
}
