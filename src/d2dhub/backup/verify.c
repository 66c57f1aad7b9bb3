#include "verify.h"

#include "text.h"

#include <errno.h>
#include <stdio.h>

bool verify_load(struct job *j, const char *folder, struct manifest *out)
{
    enum err e = manifest_load(folder, out);

    if (e == ERR_NOT_FOUND)
        return job_fail(j, folder, "there is no complete backup in this folder (it has no manifest)");
    if (e == ERR_UNSUPPORTED)
        return job_fail(j, folder, "a newer version of d2dhub made this backup: use that version");
    if (e == ERR_DAMAGED)
        return job_fail(j, folder, "the manifest is damaged: use another copy of this backup");
    return e ? job_fail_errno(j, folder) : true;
}

bool verify_all(struct job *j, const char *folder, const struct manifest *m)
{
    bool good = true;

    for (size_t i = 0; i < m->n_files && !job_is_interrupted(j); i++) {
        char why[256];

        if (job_verify(j, folder, &m->files[i], why))
            continue;
        if (why[0])
            fprintf(stderr, "d2dhub %s: %s/%s: %s\n", j->command, folder, m->files[i].from, why);
        good = false;
    }
    return good && !job_is_interrupted(j);
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
    struct job j;
    int status;
    bool good;

    if (!job_begin(&j, verify ? "backup --verify" : "backup --list"))
        return 1;
    good = verify_load(&j, folder, &m);
    if (good)
        print_facts(c, &m);
    if (good && verify) {
        good = verify_all(&j, folder, &m);
        if (good)
            puts(c->json ? "{\"event\":\"verified\"}" : "verified");
    }
    status = job_status(&j, good);
    manifest_free(&m);
    job_end(&j);
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
