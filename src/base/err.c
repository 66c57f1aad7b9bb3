#include "err.h"

#include <pthread.h>

static const char *const texts[] = {[OK] = "done",
#define X(name, text) [name] = (text),
                                    ERRS(X)
#undef X
};

static const char *const identifiers[] = {[OK] = "    OK",
#define X(name, text) [name] = #name,
                                          ERRS(X)
#undef X
};

enum { NAME_CAP = 24 };
static char names[ERRS_END][NAME_CAP];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

static void make_names(void)
{
    for (int e = 0; e < ERRS_END; e++) {
        const char *from = identifiers[e] + strlen("ERR_");

        for (size_t i = 0; from[i] && i + 1 < NAME_CAP; i++)
            names[e][i] = (char)(from[i] == '_' ? '-' : from[i] + ('a' - 'A'));
    }
}

const char *err_text(enum err e)
{
    return e >= OK && e < ERRS_END ? texts[e] : texts[ERR_INTERNAL];
}

const char *err_name(enum err e)
{
    pthread_once(&names_once, make_names);
    return e >= OK && e < ERRS_END ? names[e] : names[ERR_INTERNAL];
}
