#include "errand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool lies_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);

    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == 0 || len == 1);
}

/* The folder as it is without links; of one that is not there yet, that in which it will be made. Given. */
static char *real_folder(const char *path)
{
    char part[PATH_CAP], *real;

    snprintf(part, sizeof part, "%s", path);
    while (!(real = realpath(part, NULL)) && errno == ENOENT) {
        char *slash = strrchr(part, '/');

        if (!slash)
            return realpath(".", NULL);
        slash[slash == part] = 0;
    }
    return real;
}

bool errand_is_apart(struct errand *errand, const char *folder, const char *source)
{
    char *to = real_folder(folder), *data = realpath(source, NULL);
    bool exists = access(folder, F_OK) == 0, apart = false;

    if (!to || !data)
        errand_fail_errno(errand, to ? source : folder);
    else if (lies_in(to, data))
        errand_fail(errand, folder, "this folder is in the data folder; name one outside of it");
    else if (exists && lies_in(data, to))
        errand_fail(errand, folder, "this folder contains the data folder; name a folder for this alone");
    else
        apart = true;
    free(to);
    free(data);
    return apart;
}
