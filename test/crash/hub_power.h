/* A story of a hub whose power is cut: what was done, and at which place of the log each change stands. After a cut the
 * log ends at some place, at or behind what was promised; what stands below it must all be there, and nothing else. */
#pragma once

#include "machine.h"

enum { DEVICES = 6 };

extern struct machine machine;
extern int64_t now_ms;

unsigned below(unsigned n);
struct hub *hub(void);
bool is_durable(uint64_t at);
const char *device_name(unsigned device);

/* power_things.c: devices with their sessions, documents, groups, CA certificates. Each part has these: a step, changes
 * from this place of the log on never happened, the hub says what the story says. */
void things_begin(void);
void things_step(void);
void things_forget(uint64_t end);
void things_check(void);
bool device_is_there(unsigned device);
bool device_is_enabled(unsigned device);
uint64_t device_born_at(unsigned device);
/* NULL: it cannot have one. */
struct seat *seat_of(unsigned device);
void seat_leave(unsigned device);
void seats_leave(void);

/* power_mail.c: messages to devices, and feedback. */
void mail_begin(void);
void mail_step(void);
void mail_forget(uint64_t end);
void mail_check(void);
void mail_seat_gone(const struct seat *seat);
/* The hub is opened, or about to be closed. */
void mail_open(void);
void mail_close(void);
/* All that was asked for is said. */
void mail_finish(void);

/* power_events.c */
void events_begin(void);
void events_step(void);
void events_forget(uint64_t end);
void events_check(void);

/* power_twins.c: twins of devices and of their modules. */
void twins_begin(void);
void twins_step(void);
void twins_forget(uint64_t end);
void twins_check(void);
void twins_seat_gone(const struct seat *seat);

/* power_jobs.c */
void jobs_begin(void);
void jobs_step(void);
void jobs_forget(uint64_t end);
void jobs_check(void);
