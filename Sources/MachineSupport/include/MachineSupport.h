// What the processor must offer, checked before `main`, and said plainly where it is missing.
#ifndef MACHINE_SUPPORT_H
#define MACHINE_SUPPORT_H
#include <stdbool.h>

/// True when the processor has AVX2 and FMA (always true on 64-bit Arm, whose NEON is part of the architecture).
bool machine_has_vector_units(void);

/// Flushes subnormal numbers to zero on this thread: AdamW's moments decay into them, and each costs ~100 cycles.
/// Returns what `machine_restore_subnormals` puts back.
unsigned machine_flush_subnormals(void);
void machine_restore_subnormals(unsigned mode);

/// Sine and cosine at once: the bits of the C library's `sin` and `cos`. Glibc's `sincos` is hidden from Swift.
void machine_sine_cosine(double angle, double *sine, double *cosine);

/// Asks for a cache line that will be read soon. For rows so far apart that the processor does not foresee them.
static inline void machine_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Cores that this process may run on (its affinity, as `taskset` sets it), at least 1.
int machine_core_count(void);

/// Files that this process may have open at once, after that number was raised as far as may be (to 4096 at most).
unsigned long long machine_open_files(void);

/// Bytes of memory that this process may use: the machine's, or less where a control group or a limit says so.
unsigned long long machine_memory(void);

/// Opens those of the descriptors 0 to 2 that are closed on /dev/null: otherwise the next file that is opened takes their
/// place, and what is meant for a terminal is written into it. To be called before anything is opened.
void machine_open_standard_descriptors(void);

/// From now on the signals that ask a program to stop (INT, TERM, HUP, USR1, USR2, XCPU) are noted instead of ending the
/// process; a second SIGINT ends it at once. One that is ignored, as `nohup` does with HUP, stays ignored.
void machine_catch_stop_signals(void);

/// The signal that asked to stop, or 0.
int machine_stop_signal(void);

/// From now on a crash (a trap, a bad address, an abort) adds one line to what the program said last, where Swift's runtime would
/// print a backtrace of every thread. Whoever sets SWIFT_BACKTRACE has that.
void machine_say_crashes_in_one_line(void);

/// A pipe, read end first, whose ends close in every program that is started, also by another thread at this moment. 0, or
/// −1 with errno. Glibc's `pipe2` is hidden from Swift.
int machine_pipe(int ends[2]);
#endif
