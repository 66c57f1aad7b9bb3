/* Shared by the files of the machine: cuts and folders (machine_cut.c), the file system of the log (machine_disk.c),
 * the checkpoint (machine_state.c), lives (machine.c). */
#pragma once

#include "machine.h"

enum { PATH_ROOM = 200 };

void machine_must(bool holds, const char *what, const char *file, int line);

/* Much of this runs on the log's own thread, where a test cannot end with less noise. */
#define MUST_HOLD(condition) machine_must((condition), #condition, __FILE__, __LINE__)

/* machine_cut.c. Of the cuts, on whatever thread they come; all of it under `files`. */
uint64_t fate(struct machine *m, uint64_t below);
void path_to(const struct machine *m, unsigned life, const char *folder, const char *name, char out[PATH_ROOM]);
void stash_path(const struct machine *m, const char *name, char out[PATH_ROOM]);
void remove_folder(const char *folder);
void make_life(const struct machine *m, unsigned life);
void remove_life(const struct machine *m, unsigned life);
/* To the next life. */
void copy_folder(const struct machine *m, const char *folder);
void write_free(struct write *w);
/* The folder was synced. */
void names_synced(struct machine *m);
/* The power goes, or the hub is killed, while `w` (NULL: nothing) is written: what is left is in the next life. */
void cut_log(struct machine *m, const struct write *w);
void cut_all(struct machine *m, const struct write *w);

extern const struct disk_io machine_io;      /* machine_disk.c */
extern const struct state_ops machine_state; /* machine_state.c */
