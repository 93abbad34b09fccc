/* JSON numbers as doubles: exactly what a correctly rounding parser says (RFC 8259, 6; IEEE 754). */

#ifndef SILOSCOPE_NUMBERS_H
#define SILOSCOPE_NUMBERS_H

#include <Python.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* Where the processor computes with more bits than a double has, results are rounded twice: there is then no module. */
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 1
#error "doubles are computed with more bits than they have"
#endif

#define LONGEST_NUMBER 64
#define LARGEST_EXACT_POWER 22

/* Powers of ten that a double holds exactly. */
static const double POWERS_OF_TEN[LARGEST_EXACT_POWER + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static inline int
is_digit(char byte)
{
    return (unsigned char)(byte - '0') < 10;
}

/* Parse what the fast way does not settle. Returns 0, or -1 where it is no finite double. */
static int
parse_slowly(const char *text, Py_ssize_t length, double *value)
{
    char copy[LONGEST_NUMBER + 1];
    memcpy(copy, text, (size_t)length);
    copy[length] = '\0';
    *value = PyOS_string_to_double(copy, NULL, NULL);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return -1;
    }
    return isfinite(*value) ? 0 : -1;
}

/* Parse the number at `at`. Returns where it ends, or NULL where the general decoder must say what stands there:
 * no number, one that is no finite double, an integer -0 (whose sign JSON libraries treat in two ways), or one of more
 * than LONGEST_NUMBER bytes. */
static const char *
parse_number(const char *at, const char *end, double *value)
{
    const char *begin = at;
    uint64_t digits = 0;
    Py_ssize_t significant = 0;
    int exponent = 0, is_integer = 1, negative = 0;

    if (at < end && *at == '-') {
        negative = 1;
        at++;
    }
    if (at == end || !is_digit(*at))
        return NULL;
    if (*at == '0') {
        at++;
    } else {
        for (; at < end && is_digit(*at); at++, significant++)
            digits = digits * 10 + (uint64_t)(*at - '0');
    }
    if (at < end && *at == '.') {
        const char *point = at++;
        is_integer = 0;
        for (; at < end && is_digit(*at); at++) {
            digits = digits * 10 + (uint64_t)(*at - '0');
            significant += digits != 0;
        }
        if (at == point + 1)
            return NULL;
        if (at - point > LONGEST_NUMBER)
            return NULL;
        exponent = (int)(point + 1 - at);
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        int sign = 1, power = 0;
        is_integer = 0;
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            sign = *at++ == '-' ? -1 : 1;
        if (at == end || !is_digit(*at))
            return NULL;
        for (; at < end && is_digit(*at); at++)
            power = power > 9999 ? power : power * 10 + (*at - '0');
        exponent += sign * power;
    }
    if (at - begin > LONGEST_NUMBER)
        return NULL;
    if (negative && is_integer && digits == 0 && significant == 0)
        return NULL;
    /* Up to 15 digits are exact as a double, and so is the power: one operation rounds once (Clinger 1990). */
    if (significant <= 15 && exponent >= -LARGEST_EXACT_POWER && exponent <= LARGEST_EXACT_POWER) {
        double exact = (double)digits;
        exact = exponent < 0 ? exact / POWERS_OF_TEN[-exponent] : exact * POWERS_OF_TEN[exponent];
        *value = negative ? -exact : exact;
        return at;
    }
    return parse_slowly(begin, at - begin, value) < 0 ? NULL : at;
}

#endif
