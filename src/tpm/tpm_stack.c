#include "tpm_stack.h"

#include <dlfcn.h>
#include <pthread.h>

struct tpm_stack tss;

#define LIBRARY(name) "libtss2-" #name ".so.0"

static const struct {
    const char *library, *name;
    void **to;
} functions[] = {
#define X(library, name) {LIBRARY(library), #name, (void **)(void *)&tss.name},
    TPM_STACK(X)
#undef X
};

static const char *missing; /* NULL: nothing is */

static void load(void)
{
    void *handle = NULL;
    const char *opened = "";

    for (size_t i = 0; !missing && i < sizeof functions / sizeof *functions; i++) {
        if (strcmp(opened, functions[i].library)) {
            opened = functions[i].library;
            handle = dlopen(opened, RTLD_NOW | RTLD_LOCAL);
        }
        *functions[i].to = handle ? dlsym(handle, functions[i].name) : NULL;
        if (!*functions[i].to)
            missing = handle ? functions[i].name : opened;
    }
}

enum err tpm_stack_load(const char **what)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, load);
    *what = missing;
    return missing ? ERR_UNSUPPORTED : OK;
}
