/* Tells another thread that there is something to look at, and nothing else. */
#pragma once

/* May be called by any thread, any number of times, also for nothing; must not block. The woken side pulls. */
struct waker {
    void (*wake)(struct waker *);
};
