/* Loaded before the C library (LD_PRELOAD): wall time of one process is off by as many seconds as
 * the file CLOCK_STEP_FILE holds (a native int64), from the moment on at which it is written.
 * Nothing else changes: monotonic time, sleeps and waits are those of the machine. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *step_s;

__attribute__((constructor)) static void open_step(void) {
    const char *path = getenv("CLOCK_STEP_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, sizeof *step_s, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) step_s = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && step_s && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += *step_s;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, now, zone);
    if (!failed && step_s) now->tv_sec += *step_s;
    return failed;
}

time_t time(time_t *now) {
    struct timespec whole;
    clock_gettime(CLOCK_REALTIME, &whole);
    if (now) *now = whole.tv_sec;
    return whole.tv_sec;
}
