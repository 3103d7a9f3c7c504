// What the processor must offer, checked before `main`, and said plainly where it is missing.
#ifndef MACHINE_SUPPORT_H
#define MACHINE_SUPPORT_H
#include <stdbool.h>

/// True when the processor has AVX2 and FMA (always true on 64-bit Arm, whose NEON is part of the architecture).
bool machine_has_vector_units(void);

/// Flushes subnormal numbers to zero on this thread: AdamW's moments decay into them, and each costs ~100 cycles.
void machine_flush_subnormals(void);
#endif
