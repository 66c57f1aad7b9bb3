/* The standard output of a program, where every write counts: what could not be written is known, and whoever changes
 * something for good asks first whether what it printed has arrived. */
#pragma once

#include "bytes.h"

/* First of all in main(): a closed standard output fails, instead of becoming the next file or socket that is opened,
 * and a pipe without a reader is an error, not the end. *interrupted, where there is one, ends what waits. */
void output_open(const volatile int *interrupted);

/* Writes all of it, behind what stdio holds. False: this did not get out, or something before it. */
bool output_put(struct bytes text);
/* There should be more, but it could not be made: as if it could not be written. */
bool output_fail(void);
/* As much of it as goes without waiting; *text is the rest. False: as above. */
bool output_put_some(struct bytes *text);
/* Includes the part that stdio holds. */
bool output_flush(void);

/* How far the output has come. Arrived: its reader has taken all of it out of the pipe, or it is on the disk, or with
 * the terminal. */
enum output_state { OUTPUT_ARRIVED, OUTPUT_WAITS, OUTPUT_FAILED };
enum output_state output_look(void);
/* For a file: what was written before one write failed is on the disk. */
bool output_is_file(void);
bool output_sync(void);
/* Looks again and again for so long (-1: no limit), until it has arrived, failed, or the program is interrupted. */
enum output_state output_wait(int64_t timeout_ms);
/* False: it was closed when the program began. Asked by those who do something before they write. */
bool output_is_given(void);
/* False: it never was, whoever read it is gone, or it failed. Asked by those who have nothing to write for long. */
bool output_is_open(void);
/* False when it was closed by its reader, which may have had enough; true when it broke. */
bool output_is_broken(void);
/* Why, for people. */
const char *output_why(void);

/* Last of all: the exit status of the program. A failed write makes 1 of 0, and is told on standard error; a reader
 * that had enough is told only unless `quiet`. `deed` is "" or the change that stands all the same, which is told in
 * any case: "the hub was made". */
int output_close(const char *program, int status, bool quiet, const char *deed);
