/* Shows libFuzzer the ways that C code takes: gcc calls a function at each, libFuzzer wants a table of counters. */

#include <stdint.h>

#define UNSEEN __attribute__((visibility("hidden"), no_sanitize_coverage))

static uint8_t counters[1 << 12];

extern void __sanitizer_cov_8bit_counters_init(uint8_t *begin, uint8_t *end);

UNSEEN void
__sanitizer_cov_trace_pc(void)
{
    uintptr_t from = (uintptr_t)__builtin_return_address(0) - (uintptr_t)counters;
    counters[(from ^ from >> 12) % sizeof counters]++;
}

/* libFuzzer leads by integers that are compared, not by these. */
UNSEEN void
__sanitizer_cov_trace_cmpf(float left, float right)
{
    (void)left, (void)right;
}

UNSEEN void
__sanitizer_cov_trace_cmpd(double left, double right)
{
    (void)left, (void)right;
}

__attribute__((constructor, no_sanitize_coverage)) static void
announce(void)
{
    __sanitizer_cov_8bit_counters_init(counters, counters + sizeof counters);
}
