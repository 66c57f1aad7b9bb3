/* d2dhub.ini: taken, or refused in a sentence. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const struct opt_program d2dhub = {.name = "d2dhub", .common = config_common};

static const struct opt_command command = {.name = "run", .more = config_keys};
static char folder[] = "/tmp/d2d-fuzz-XXXXXX", file[64];

static void leave(void)
{
    unlink(file);
    rmdir(folder);
}

static void begin(void)
{
    if (!mkdtemp(folder))
        abort();
    snprintf(file, sizeof file, "%s/d2dhub.ini", folder);
    atexit(leave);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char run[] = "run", option[] = "--data", *argv[] = {run, option, folder, NULL};
    struct buf said = buf_max(16 * 1024);
    char copy[VALUE_CAP], entity[HOST_LEN_MAX + 1];
    const char *names[NAMES_CAP + 1];
    static struct config c;
    FILE *f;
    int status;

    if (!file[0])
        begin();
    f = fopen(file, "w");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    status = config_load(&c, &command, 3, argv, &said);
    if ((status != 0) != (said.len > 0))
        abort();
    if (!status) {
        config_names(&c, copy, names);
        config_entity(&c, entity);
    }
    buf_free(&said);
    return 0;
}
