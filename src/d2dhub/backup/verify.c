#include "verify.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>

bool verify_load(struct errand *errand, const char *folder, struct manifest *out)
{
    enum err e = manifest_load(folder, out);

    if (e == ERR_NOT_FOUND)
        return errand_fail(errand, folder, "there is no complete backup in this folder (it has no manifest)");
    if (e == ERR_UNSUPPORTED)
        return errand_fail(errand, folder, "a newer version of d2dhub made this backup: use that version");
    if (e == ERR_DAMAGED)
        return errand_fail(errand, folder, "the manifest is damaged: use another copy of this backup");
    return e ? errand_fail_errno(errand, folder) : true;
}

bool verify_all(struct errand *errand, const char *folder, const struct manifest *m)
{
    bool good = true;

    for (size_t i = 0; i < m->n_files && !errand_is_interrupted(errand); i++) {
        char why[256];

        if (errand_verify(errand, folder, &m->files[i], why))
            continue;
        if (why[0])
            fprintf(stderr, "d2dhub %s: %s/%s: %s\n", errand->command, folder, m->files[i].from, why);
        good = false;
    }
    return good && !errand_is_interrupted(errand);
}

static uint64_t bytes_of_all(const struct manifest *m)
{
    uint64_t n = 0;

    for (size_t i = 0; i < m->n_files; i++)
        n += m->files[i].bytes;
    return n;
}

static void print_facts(const struct config *c, const struct manifest *m)
{
    char made[ISO_TIME_CAP];

    iso_time(m->made_ms, made);
    if (c->json)
        printf("{\"event\":\"backup\",\"hub\":\"%s\",\"made\":\"%s\",\"version\":\"%s\",\"files\":%zu,\"bytes\":%llu,"
               "\"place\":"
               "%llu,\"end\":%llu,\"damages\":%zu}\n",
               m->hub, made, m->version, m->n_files, (unsigned long long)bytes_of_all(m), (unsigned long long)m->place,
               (unsigned long long)m->end, m->n_damage);
    else
        printf("hub      %s\nmade     %s by d2dhub %s\nfiles    %zu, %llu KiB\n", m->hub, made, m->version, m->n_files,
               (unsigned long long)bytes_of_all(m) / 1024);
    for (size_t i = 0; i < m->n_damage; i++)
        damage_print(c, &m->damage[i]);
}

static int read_backup(const struct config *c, const char *folder, bool verify)
{
    struct manifest m = {.made_ms = 0};
    struct errand errand;
    int status;
    bool good;

    if (!errand_begin(&errand, verify ? "backup --verify" : "backup --list"))
        return 1;
    good = verify_load(&errand, folder, &m);
    if (good)
        print_facts(c, &m);
    if (good && verify) {
        good = verify_all(&errand, folder, &m);
        if (good)
            puts(c->json ? "{\"event\":\"verified\"}" : "verified");
    }
    status = errand_status(&errand, good);
    manifest_free(&m);
    errand_end(&errand);
    return status;
}

int backup_list(const struct config *c, const char *folder)
{
    return read_backup(c, folder, false);
}

int backup_verify(const struct config *c, const char *folder)
{
    return read_backup(c, folder, true);
}
