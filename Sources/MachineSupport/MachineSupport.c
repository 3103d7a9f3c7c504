// Compiled without -march flags, so that it runs anywhere and can refuse with a sentence instead of SIGILL.
#define _GNU_SOURCE
#include "MachineSupport.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
bool machine_has_vector_units(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
static bool has_avx512(void) {
  return machine_has_vector_units() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
static bool has_what_the_kernels_use(void) {
#if defined(KERNELS_USE_AVX512)
  return has_avx512();
#else
  return machine_has_vector_units();
#endif
}
unsigned machine_flush_subnormals(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);
  return before;
}
void machine_restore_subnormals(unsigned mode) { _mm_setcsr(mode); }
#else
bool machine_has_vector_units(void) { return true; }
static bool has_what_the_kernels_use(void) { return true; }
unsigned machine_flush_subnormals(void) { return 0; }
void machine_restore_subnormals(unsigned mode) { (void)mode; }
#endif

__attribute__((constructor)) static void refuse_processors_without_vector_units(void) {
  if (has_what_the_kernels_use()) return;
  if (machine_has_vector_units()) {
    fprintf(stderr, "error: this program was built on a machine with AVX-512, which this processor lacks; "
                    "build it here (rm -rf .build, then make build)\n");
  } else {
    fprintf(stderr, "error: this processor has no AVX2 and FMA, which the kernels are compiled for "
                    "(x86-64-v3: Intel Haswell 2013, AMD Excavator 2015, or newer)\n");
  }
  exit(1);
}

#if defined(__x86_64__)
// OpenBLAS takes its SSE3 kernels on a processor that is younger than itself (Debian's 0.3.21 on Intel's of 2023), which makes
// products three times slower. Then it is told what the processor can do, and chooses again, before its first product. Whoever
// sets OPENBLAS_CORETYPE has chosen.
__attribute__((constructor)) static void let_openblas_use_vector_units(void) {
  const char *variable = "OPENBLAS_CORETYPE";
  char *(*name)(void) = (char *(*)(void))dlsym(RTLD_DEFAULT, "openblas_get_corename");
  void (*quit)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_quit");
  void (*init)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "gotoblas_dynamic_init");
  if (getenv(variable) || !name || !quit || !init || strcmp(name(), "Prescott") || !machine_has_vector_units()) return;
  setenv(variable, has_avx512() ? "SkylakeX" : "Haswell", 1);
  quit();
  init();
  unsetenv(variable);
}
#endif

void machine_open_standard_descriptors(void) {
  int opened;
  do {
    opened = open("/dev/null", O_RDWR);  // the lowest that is free
  } while (opened >= 0 && opened <= 2);
  if (opened > 2) close(opened);
}

static volatile sig_atomic_t stop_signal = 0;

static void note_stop_signal(int number) {
  if (number == SIGINT && stop_signal == SIGINT) {
    signal(SIGINT, SIG_DFL);
    raise(SIGINT);
  }
  stop_signal = number;
}

void machine_catch_stop_signals(void) {
  struct sigaction action = {0};
  action.sa_handler = note_stop_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  // A program that started us from one of its worker threads may have left them blocked.
  sigset_t signals;
  sigemptyset(&signals);
  const int stopping[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU};
  for (unsigned i = 0; i < sizeof stopping / sizeof *stopping; ++i) {
    struct sigaction before;
    if (stopping[i] == SIGHUP && sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaction(stopping[i], &action, NULL);
    sigaddset(&signals, stopping[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

int machine_stop_signal(void) { return (int)stop_signal; }

static void say_crash(int number) {
  static const char text[] = "(a mistake in mamba-dqn itself: please report it; SWIFT_BACKTRACE=enable=yes before the command shows where)\n";
  ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  (void)written;
  raise(number);  // the default by now, which ends the process
}

void machine_say_crashes_in_one_line(void) {
  if (getenv("SWIFT_BACKTRACE")) return;
  struct sigaction action = {0};
  action.sa_handler = say_crash;
  action.sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
  sigemptyset(&action.sa_mask);
  const int crashes[] = {SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV};
  sigset_t signals;
  sigemptyset(&signals);
  for (unsigned i = 0; i < sizeof crashes / sizeof *crashes; ++i) {
    sigaction(crashes[i], &action, NULL);
    sigaddset(&signals, crashes[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, NULL);  // as with the signals that stop
}

int machine_pipe(int ends[2]) {
#if defined(__linux__)
  return pipe2(ends, O_CLOEXEC);
#else
  if (pipe(ends) != 0) return -1;
  for (int i = 0; i < 2; ++i) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return fcntl(ends[1], F_SETNOSIGPIPE, 1);
#endif
}

void machine_sine_cosine(double angle, double *sine, double *cosine) {
#if defined(__GLIBC__)
  sincos(angle, sine, cosine);
#else
  *sine = sin(angle);
  *cosine = cos(angle);
#endif
}

static unsigned long long number_in(const char *path) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return 0;
  unsigned long long value = 0;
  if (fscanf(file, "%llu", &value) != 1) value = 0;
  fclose(file);
  return value;
}

unsigned long long machine_open_files(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 4096;
  rlim_t wanted = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
  if (limit.rlim_cur < wanted) {
    struct rlimit raised = {wanted, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

unsigned long long machine_memory(void) {
  unsigned long long least = (unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE);
  const unsigned long long groups[] = {number_in("/sys/fs/cgroup/memory.max"),
                                       number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes")};
  for (int i = 0; i < 2; ++i)
    if (groups[i] != 0 && groups[i] < least) least = groups[i];
  const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
  for (int i = 0; i < 2; ++i) {
    struct rlimit limit;
    if (getrlimit(limits[i], &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < least) least = limit.rlim_cur;
  }
  return least;
}

int machine_core_count(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}
