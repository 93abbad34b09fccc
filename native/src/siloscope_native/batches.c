/* What a batch does for every message: folding its rows, and making of all of them what the database is to be sent.
 *
 * Each function does what is usual, and leaves the rest to the Python that it stands for, `siloscope_ingest.folding`: the
 * tests compare the two, to the byte.
 *
 * Memory: rows, their tuples and numbers are held while they are looked at, for looking up a key or making an object may
 * run anything, which may empty the tables that they come from. Of a row nothing is read before its length is checked.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LONG_AGO_MS (-(INT64_C(1) << 62))
#define SHORTEST_SPAN_MS 1000
#define MOST_TABLES 100

/* What a step found. An error is one of Python's. */
typedef enum { FAILED = -1, UNUSUAL = 0, FITS = 1 } Found;

/* The attributes of a part that are asked for. */
static PyObject *GROUP_ID, *TABLE, *WHOLE;

/* Written out, these are an instruction or two each. */
static inline void
put_be32(unsigned char *to, uint32_t bits)
{
    to[0] = (unsigned char)(bits >> 24), to[1] = (unsigned char)(bits >> 16);
    to[2] = (unsigned char)(bits >> 8), to[3] = (unsigned char)bits;
}

static inline void
put_be64(unsigned char *to, uint64_t bits)
{
    put_be32(to, (uint32_t)(bits >> 32));
    put_be32(to + 4, (uint32_t)bits);
}

static inline uint32_t
get_be32(const unsigned char *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static int
check_type(int right, const char *what, PyObject *found, const char *expected)
{
    if (right)
        return 0;
    Py_INCREF(found); /* whose repr may take it out of where it is */
    PyErr_Format(PyExc_TypeError, "%s: found %R, expected %s", what, found, expected);
    Py_DECREF(found);
    return -1;
}

/* Get a number of 64 bits, of anything else an error of Python's. */
static int
as_int64(PyObject *number, const char *what, int64_t *value)
{
    if (check_type(PyLong_Check(number), what, number, "an int") < 0)
        return -1;
    *value = PyLong_AsLongLong(number);
    return *value == -1 && PyErr_Occurred() ? -1 : 0;
}

/* Check that something is a row as it stands beside a sample: (part, time in milliseconds, bytes); get its time. */
static int
check_row(PyObject *row, int64_t *time_ms)
{
    int right = PyTuple_Check(row) && PyTuple_GET_SIZE(row) == 3 && PyBytes_Check(PyTuple_GET_ITEM(row, 2));
    if (check_type(right, "row", row, "(part, time, bytes)") < 0)
        return -1;
    return as_int64(PyTuple_GET_ITEM(row, 1), "time", time_ms);
}

/* ---- Folding the rows of an entry into those of its batch */

typedef struct {
    int64_t overtaken_ms;  /* what was overtaken after this time is counted */
    int64_t span_ms;
    PyObject *open_spans;  /* set of int */
    PyObject *tables;      /* tuple of dict: (group, time) to bytes */
    PyObject *newest;      /* dict: group to the time that is committed */
    PyObject *whole;       /* dict: group to its newest row that is a whole sample and newer than that */
    PyObject *several;     /* set of groups of which more than one of those came */
    PyObject *older;       /* set of groups of which one came that is not */
} Fold;

/* Whether the span of a row is open. */
static Found
span_is_open(const Fold *fold, int64_t time_ms, Py_ssize_t table)
{
    int64_t number = time_ms / fold->span_ms - (time_ms % fold->span_ms < 0);
    PyObject *span = PyLong_FromLongLong(number * PyTuple_GET_SIZE(fold->tables) + table);
    if (span == NULL)
        return FAILED;
    int found = PySet_Contains(fold->open_spans, span);
    Py_DECREF(span);
    return found < 0 ? FAILED : found ? FITS : UNUSUAL;
}

/* Put a row into its table; it is usual where it is the first of its key. */
static Found
put_row(PyObject *table, PyObject *group_id, PyObject *row)
{
    PyObject *key = PyTuple_Pack(2, group_id, PyTuple_GET_ITEM(row, 1));
    if (key == NULL)
        return FAILED;
    PyObject *encoded = PyTuple_GET_ITEM(row, 2);
    PyObject *kept = PyDict_SetDefault(table, key, encoded);
    Py_DECREF(key);
    return kept == NULL ? FAILED : kept == encoded ? FITS : UNUSUAL;
}

/* Note a row that may be the newest of a whole group. */
static Found
note_whole(const Fold *fold, PyObject *group_id, PyObject *row, int64_t time_ms)
{
    PyObject *known = PyDict_GetItemWithError(fold->newest, group_id);
    int64_t known_ms = LONG_AGO_MS;
    if (known == NULL ? PyErr_Occurred() != NULL : as_int64(known, "newest", &known_ms) < 0)
        return FAILED;
    if (time_ms < known_ms && time_ms > fold->overtaken_ms)
        return UNUSUAL;
    if (time_ms <= known_ms)
        return PySet_Add(fold->older, group_id) < 0 ? FAILED : FITS;
    Py_ssize_t groups = PyDict_GET_SIZE(fold->whole);
    PyObject *before = PyDict_SetDefault(fold->whole, group_id, row);
    if (before == NULL)
        return FAILED;
    if (PyDict_GET_SIZE(fold->whole) > groups)
        return FITS;
    if (check_row(before, &known_ms) < 0 || PySet_Add(fold->several, group_id) < 0)
        return FAILED;
    return known_ms < time_ms && PyDict_SetItem(fold->whole, group_id, row) < 0 ? FAILED : FITS;
}

static Found
fold_into(const Fold *fold, Py_ssize_t table, PyObject *group_id, PyObject *row, int64_t time_ms)
{
    PyObject *rows = PyTuple_GET_ITEM(fold->tables, table);
    if (check_type(PyDict_Check(rows), "table", rows, "a dict") < 0)
        return FAILED;
    Found found = span_is_open(fold, time_ms, table);
    if (found == FITS)
        found = put_row(rows, group_id, row);
    return found == FITS ? note_whole(fold, group_id, row, time_ms) : found;
}

/* Get where a row goes; it is usual where it is a whole one. */
static Found
find_place(const Fold *fold, PyObject *part, Py_ssize_t *table)
{
    PyObject *whole = PyObject_GetAttr(part, WHOLE);
    int is_whole = whole == NULL ? -1 : PyObject_IsTrue(whole);
    Py_XDECREF(whole);
    if (is_whole <= 0)
        return is_whole < 0 ? FAILED : UNUSUAL;
    PyObject *place = PyObject_GetAttr(part, TABLE);
    int64_t value;
    int outcome = place == NULL ? -1 : as_int64(place, "table", &value);
    Py_XDECREF(place);
    if (outcome < 0)
        return FAILED;
    if (value < 0 || value >= PyTuple_GET_SIZE(fold->tables)) {
        PyErr_Format(PyExc_ValueError, "table: found %lld, expected less than %zd", (long long)value,
                     PyTuple_GET_SIZE(fold->tables));
        return FAILED;
    }
    *table = (Py_ssize_t)value;
    return FITS;
}

static Found
fold_row(const Fold *fold, PyObject *row)
{
    int64_t time_ms;
    Py_ssize_t table;
    if (check_row(row, &time_ms) < 0)
        return FAILED;
    PyObject *part = PyTuple_GET_ITEM(row, 0);
    Found found = find_place(fold, part, &table);
    if (found != FITS)
        return found;
    PyObject *group_id = PyObject_GetAttr(part, GROUP_ID);
    if (group_id == NULL)
        return FAILED;
    found = FAILED;
    if (check_type(PyLong_Check(group_id), "group", group_id, "an int") == 0)
        found = fold_into(fold, table, group_id, row, time_ms);
    Py_DECREF(group_id);
    return found;
}

/* Take apart what rows are folded into: a tuple that the caller holds. */
static int
read_into(PyObject *into, Fold *fold)
{
    if (check_type(PyTuple_Check(into) && PyTuple_GET_SIZE(into) == 7, "into", into, "a tuple of seven") < 0)
        return -1;
    fold->open_spans = PyTuple_GET_ITEM(into, 1);
    fold->tables = PyTuple_GET_ITEM(into, 2);
    fold->newest = PyTuple_GET_ITEM(into, 3);
    fold->whole = PyTuple_GET_ITEM(into, 4);
    fold->several = PyTuple_GET_ITEM(into, 5);
    fold->older = PyTuple_GET_ITEM(into, 6);
    if (as_int64(PyTuple_GET_ITEM(into, 0), "span_ms", &fold->span_ms) < 0 ||
        check_type(PySet_Check(fold->open_spans), "open_spans", fold->open_spans, "a set") < 0 ||
        check_type(PyTuple_Check(fold->tables), "tables", fold->tables, "a tuple") < 0 ||
        check_type(PyDict_Check(fold->newest), "newest", fold->newest, "a dict") < 0 ||
        check_type(PyDict_Check(fold->whole), "whole", fold->whole, "a dict") < 0 ||
        check_type(PySet_Check(fold->several), "several", fold->several, "a set") < 0 ||
        check_type(PySet_Check(fold->older), "older", fold->older, "a set") < 0)
        return -1;
    /* So that no number of a span is beyond 64 bits. */
    if (fold->span_ms >= SHORTEST_SPAN_MS && PyTuple_GET_SIZE(fold->tables) <= MOST_TABLES)
        return 0;
    PyErr_Format(PyExc_ValueError, "found spans of %lld ms and %zd tables, expected at least %d ms and at most %d tables",
                 (long long)fold->span_ms, PyTuple_GET_SIZE(fold->tables), SHORTEST_SPAN_MS, MOST_TABLES);
    return -1;
}

PyDoc_STRVAR(fold_doc, "fold(rows, at, overtaken_ms, into)");

static PyObject *
batches_fold(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 4) {
        PyErr_Format(PyExc_TypeError, "fold: found %zd arguments, expected 4", count);
        return NULL;
    }
    PyObject *rows = args[0];
    int64_t at;
    Fold fold;
    if (check_type(PyList_Check(rows), "rows", rows, "a list") < 0 || as_int64(args[1], "at", &at) < 0 ||
        as_int64(args[2], "overtaken_ms", &fold.overtaken_ms) < 0 || read_into(args[3], &fold) < 0)
        return NULL;
    if (at < 0) {
        PyErr_SetString(PyExc_ValueError, "at: found a negative number, expected a place among the rows");
        return NULL;
    }
    Found found = FITS;
    while (found == FITS && at < PyList_GET_SIZE(rows)) {
        PyObject *row = Py_NewRef(PyList_GET_ITEM(rows, (Py_ssize_t)at));
        found = fold_row(&fold, row);
        Py_DECREF(row);
        at += found == FITS;
    }
    return found == FAILED ? NULL : PyLong_FromLongLong(at);
}

/* ---- Rows as they go to the database */

/* Before the arrays of a row: a field count, and two fields with their lengths: group and time. */
#define ARRAYS_AT 22
#define GROUP_AT 6
#define TIME_AT 14
#define CAME_BYTES 6
static const unsigned char FOUR_FIELDS[] = {0, 4, 0, 0, 0, 4}, FIVE_FIELDS[] = {0, 5}, OF_TIME[] = {0, 0, 0, 8};
static const unsigned char IS_NULL[] = {0xff, 0xff, 0xff, 0xff}, OF_CAME[] = {0, 0, 0, 2, 0};

typedef struct {
    uint64_t time;  /* as its bytes sort, and so its group */
    uint32_t group;
    char came;      /* how many: 0 where it is not the newest, 1, or 2 for several */
    PyObject *row;  /* bytes, held */
} Sorted;

static int
compare_rows(const void *one, const void *two)
{
    const Sorted *first = one, *second = two;
    if (first->group != second->group)
        return first->group < second->group ? -1 : 1;
    if (first->time != second->time)
        return first->time < second->time ? -1 : 1;
    Py_ssize_t lengths[] = {PyBytes_GET_SIZE(first->row), PyBytes_GET_SIZE(second->row)};
    Py_ssize_t shorter = lengths[0] < lengths[1] ? lengths[0] : lengths[1];
    int order = memcmp(PyBytes_AS_STRING(first->row), PyBytes_AS_STRING(second->row), (size_t)shorter);
    return order ? order : (lengths[0] > lengths[1]) - (lengths[0] < lengths[1]);
}

typedef struct {
    PyObject *whole, *several, *apart;
    Py_ssize_t newest;  /* how many were marked */
} Marks;

/* Say how the newest samples are to count this row. */
static int
mark(Marks *marks, PyObject *group_id, Sorted *sorted)
{
    PyObject *newest = PyDict_GetItemWithError(marks->whole, group_id);
    int64_t time_ms;
    if (newest == NULL)
        return PyErr_Occurred() ? -1 : 0;
    if (check_row(newest, &time_ms) < 0)
        return -1;
    if (PyTuple_GET_ITEM(newest, 2) != sorted->row)
        return 0;
    int found = PyDict_GET_SIZE(marks->apart) ? PyDict_Contains(marks->apart, group_id) : 0;
    if (found)
        return found < 0 ? -1 : 0;
    found = PySet_GET_SIZE(marks->several) ? PySet_Contains(marks->several, group_id) : 0;
    if (found < 0)
        return -1;
    sorted->came = found ? 2 : 1;
    marks->newest++;
    return 0;
}

/* Take a row; what it holds is let go with the others, also after an error. */
static int
take_row(Marks *marks, PyObject *key, PyObject *row, Sorted *sorted)
{
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(row);
    int right = PyBytes_GET_SIZE(row) >= ARRAYS_AT && memcmp(at, FOUR_FIELDS, sizeof FOUR_FIELDS) == 0 &&
                memcmp(at + GROUP_AT + 4, OF_TIME, sizeof OF_TIME) == 0;
    if (!right) {
        PyErr_Format(PyExc_ValueError, "row: found %R, expected group, time and two arrays", row);
        return -1;
    }
    sorted->group = get_be32(at + GROUP_AT);
    sorted->time = (uint64_t)get_be32(at + TIME_AT) << 32 | get_be32(at + TIME_AT + 4);
    return mark(marks, PyTuple_GET_ITEM(key, 0), sorted);
}

/* Take the rows of a table. Returns how many are held, and sets an error where there was one. */
static Py_ssize_t
take_rows(Marks *marks, PyObject *table, Sorted *found, Py_ssize_t most)
{
    PyObject *key, *row;
    Py_ssize_t at = 0, count = 0;
    while (count < most && PyDict_Next(table, &at, &key, &row)) {
        int right = PyTuple_Check(key) && PyTuple_GET_SIZE(key) == 2;
        if (check_type(right, "key", key, "(group, time)") < 0 ||
            check_type(PyBytes_Check(row), "row", row, "bytes") < 0)
            return count;
        Sorted *sorted = &found[count++];
        *sorted = (Sorted){.row = Py_NewRef(row)};
        Py_INCREF(key);
        int outcome = take_row(marks, key, row, sorted);
        Py_DECREF(key);
        if (outcome < 0)
            return count;
    }
    return count;
}

/* Return a row with its fifth field. */
static PyObject *
with_came(const Sorted *sorted)
{
    Py_ssize_t length = PyBytes_GET_SIZE(sorted->row);
    size_t more = sorted->came ? CAME_BYTES : sizeof IS_NULL;
    if (length > PY_SSIZE_T_MAX - 64)
        return PyErr_NoMemory();
    PyObject *made = PyBytes_FromStringAndSize(NULL, length + (Py_ssize_t)more);
    if (made == NULL)
        return NULL;
    unsigned char *to = (unsigned char *)PyBytes_AS_STRING(made);
    memcpy(to, PyBytes_AS_STRING(sorted->row), (size_t)length);
    memcpy(to, FIVE_FIELDS, sizeof FIVE_FIELDS);
    if (sorted->came) {
        memcpy(to + length, OF_CAME, sizeof OF_CAME);
        to[length + (Py_ssize_t)sizeof OF_CAME] = (unsigned char)sorted->came;
    } else {
        memcpy(to + length, IS_NULL, sizeof IS_NULL);
    }
    return made;
}

static PyObject *
in_order(Sorted *found, Py_ssize_t count)
{
    qsort(found, (size_t)count, sizeof *found, compare_rows);
    PyObject *rows = PyList_New(count);
    for (Py_ssize_t i = 0; rows != NULL && i < count; i++) {
        PyObject *row = with_came(&found[i]);
        if (row == NULL)
            Py_CLEAR(rows);
        else
            PyList_SET_ITEM(rows, i, row);
    }
    return rows;
}

static PyObject *
rows_of_table(Marks *marks, PyObject *table)
{
    if (check_type(PyDict_Check(table), "table", table, "a dict") < 0)
        return NULL;
    Py_ssize_t most = PyDict_GET_SIZE(table);
    Sorted *found = PyMem_New(Sorted, most ? most : 1);
    if (found == NULL)
        return PyErr_NoMemory();
    Py_ssize_t count = take_rows(marks, table, found, most);
    PyObject *rows = PyErr_Occurred() ? NULL : in_order(found, count);
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(found[i].row);
    PyMem_Free(found);
    return rows;
}

PyDoc_STRVAR(incoming_doc, "incoming(tables, whole, several, apart)");

static PyObject *
batches_incoming(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *tables;
    Marks marks = {.newest = 0};
    if (!PyArg_ParseTuple(args, "O!O!O!O!:incoming", &PyTuple_Type, &tables, &PyDict_Type, &marks.whole, &PySet_Type,
                          &marks.several, &PyDict_Type, &marks.apart))
        return NULL;
    PyObject *found = PyList_New(0);
    for (Py_ssize_t i = 0; found != NULL && i < PyTuple_GET_SIZE(tables); i++) {
        PyObject *rows = rows_of_table(&marks, PyTuple_GET_ITEM(tables, i));
        if (rows == NULL || PyList_Append(found, rows) < 0)
            Py_CLEAR(found);
        Py_XDECREF(rows);
    }
    return found == NULL ? NULL : Py_BuildValue("Nn", found, marks.newest);
}

/* ---- Rows of the numbers that are accounted for */

#define EPOCH_BYTES 16
#define HEAD_BYTES 30   /* a field count, node and epoch with their lengths */
#define RANGE_BYTES 29  /* a range with its length */
#define LOWER_INCLUSIVE 2

/* Of at most 32 bytes: larger ones are sorted by way of pointers. */
typedef struct {
    PyObject *numbers;  /* int or list of int, held */
    int32_t node_id;
    unsigned char epoch[EPOCH_BYTES];
} Stream;

static int
compare_streams(const void *one, const void *two)
{
    const Stream *first = one, *second = two;
    if (first->node_id != second->node_id)
        return first->node_id < second->node_id ? -1 : 1;
    return memcmp(first->epoch, second->epoch, EPOCH_BYTES);
}

static int
compare_numbers(const void *one, const void *two)
{
    int64_t first = *(const int64_t *)one, second = *(const int64_t *)two;
    return (first > second) - (first < second);
}

/* What digit a byte is, NO_DIGIT where it is none: a branch for each would be guessed wrong as often as right. */
#define NO_DIGIT 0x80
static unsigned char DIGIT_OF[256];

static void
fill_digits(void)
{
    memset(DIGIT_OF, NO_DIGIT, sizeof DIGIT_OF);
    for (int digit = 0; digit < 16; digit++)
        DIGIT_OF[(unsigned char)"0123456789abcdef"[digit]] = (unsigned char)digit;
}

static Found
read_epoch(PyObject *epoch, unsigned char *to)
{
    if (check_type(PyUnicode_Check(epoch), "epoch", epoch, "a str") < 0)
        return FAILED;
    Py_ssize_t length;
    const char *text = PyUnicode_AsUTF8AndSize(epoch, &length);
    if (text == NULL)
        return FAILED;
    if (length != 2 * EPOCH_BYTES)
        return UNUSUAL;
    unsigned char every = 0;
    for (int i = 0; i < EPOCH_BYTES; i++) {
        unsigned char high = DIGIT_OF[(unsigned char)text[2 * i]], low = DIGIT_OF[(unsigned char)text[2 * i + 1]];
        every |= high | low;
        to[i] = (unsigned char)(high << 4 | low);
    }
    return every & NO_DIGIT ? UNUSUAL : FITS;
}

static Found
take_stream(PyObject *key, PyObject *numbers, Stream *stream)
{
    int64_t node_id;
    int right = PyTuple_Check(key) && PyTuple_GET_SIZE(key) == 2;
    if (check_type(right, "stream", key, "(node, epoch)") < 0 ||
        check_type(PyLong_Check(numbers) || PyList_Check(numbers), "numbers", numbers, "an int or a list") < 0 ||
        as_int64(PyTuple_GET_ITEM(key, 0), "node", &node_id) < 0)
        return FAILED;
    if (node_id < INT32_MIN || node_id > INT32_MAX) {
        PyErr_Format(PyExc_OverflowError, "node: found %lld, expected an int4", (long long)node_id);
        return FAILED;
    }
    stream->node_id = (int32_t)node_id;
    return read_epoch(PyTuple_GET_ITEM(key, 1), stream->epoch);
}

/* Copy numbers, ascending, to memory that the caller frees. */
static int64_t *
ascending(PyObject *numbers, Py_ssize_t count)
{
    int64_t *found = PyMem_New(int64_t, count ? count : 1);
    if (found == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    int sorted = 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (as_int64(PyList_GET_ITEM(numbers, i), "number", &found[i]) < 0) {
            PyMem_Free(found);
            return NULL;
        }
        sorted &= i == 0 || found[i - 1] <= found[i];
    }
    if (!sorted)
        qsort(found, (size_t)count, sizeof *found, compare_numbers);
    return found;
}

/* Make the ranges that hold ascending numbers, of which none is the last of 64 bits. Returns how many they are. They are
 * written from `to` on, where that is not NULL. */
static Py_ssize_t
make_ranges(const int64_t *numbers, Py_ssize_t count, unsigned char *to)
{
    Py_ssize_t ranges = 0;
    for (Py_ssize_t i = 0; i < count; ranges++) {
        int64_t first = numbers[i], end = first + 1;
        for (i++; i < count && numbers[i] <= end; i++)
            end = numbers[i] + 1;
        if (to == NULL)
            continue;
        put_be32(to, RANGE_BYTES - 4);
        to[4] = LOWER_INCLUSIVE;
        put_be32(to + 5, 8);
        put_be64(to + 9, (uint64_t)first);
        put_be32(to + 17, 8);
        put_be64(to + 21, (uint64_t)end);
        to += RANGE_BYTES;
    }
    return ranges;
}

static PyObject *
row_of_numbers(const Stream *stream, const int64_t *numbers, Py_ssize_t count)
{
    if (count && numbers[count - 1] == INT64_MAX) {
        PyErr_SetString(PyExc_OverflowError, "number: found the last one of 64 bits, expected one that another follows");
        return NULL;
    }
    Py_ssize_t ranges = make_ranges(numbers, count, NULL);
    if (ranges > (INT32_MAX - HEAD_BYTES - 8) / RANGE_BYTES) {
        PyErr_Format(PyExc_OverflowError, "numbers: found %zd ranges, more than a field holds", ranges);
        return NULL;
    }
    PyObject *row = PyBytes_FromStringAndSize(NULL, HEAD_BYTES + 8 + ranges * RANGE_BYTES);
    if (row == NULL)
        return NULL;
    unsigned char *to = (unsigned char *)PyBytes_AS_STRING(row);
    to[0] = 0, to[1] = 3;
    put_be32(to + 2, 4);
    put_be32(to + 6, (uint32_t)stream->node_id);
    put_be32(to + 10, EPOCH_BYTES);
    memcpy(to + 14, stream->epoch, EPOCH_BYTES);
    put_be32(to + HEAD_BYTES, (uint32_t)(4 + ranges * RANGE_BYTES));
    put_be32(to + HEAD_BYTES + 4, (uint32_t)ranges);
    make_ranges(numbers, count, to + HEAD_BYTES + 8);
    return row;
}

static PyObject *
row_of_stream(const Stream *stream)
{
    int64_t number;
    if (PyLong_Check(stream->numbers))
        return as_int64(stream->numbers, "number", &number) < 0 ? NULL : row_of_numbers(stream, &number, 1);
    Py_ssize_t count = PyList_GET_SIZE(stream->numbers);
    int64_t *numbers = ascending(stream->numbers, count);
    PyObject *row = numbers == NULL ? NULL : row_of_numbers(stream, numbers, count);
    PyMem_Free(numbers);
    return row;
}

static PyObject *
rows_of_streams(Stream *streams, Py_ssize_t count)
{
    qsort(streams, (size_t)count, sizeof *streams, compare_streams);
    PyObject *rows = PyList_New(count);
    for (Py_ssize_t i = 0; rows != NULL && i < count; i++) {
        PyObject *row = row_of_stream(&streams[i]);
        if (row == NULL)
            Py_CLEAR(rows);
        else
            PyList_SET_ITEM(rows, i, row);
    }
    return rows;
}

PyDoc_STRVAR(accounted_doc, "accounted(numbers)");

static PyObject *
batches_accounted(PyObject *Py_UNUSED(module), PyObject *numbers)
{
    if (check_type(PyDict_Check(numbers), "numbers", numbers, "a dict") < 0)
        return NULL;
    Py_ssize_t most = PyDict_GET_SIZE(numbers), at = 0, count = 0;
    Stream *streams = PyMem_New(Stream, most ? most : 1);
    if (streams == NULL)
        return PyErr_NoMemory();
    PyObject *key, *value, *rows = NULL;
    Found found = FITS;
    while (found == FITS && count < most && PyDict_Next(numbers, &at, &key, &value)) {
        streams[count].numbers = Py_NewRef(value);
        found = take_stream(key, value, &streams[count++]);
    }
    if (found != FAILED)
        rows = found == FITS ? rows_of_streams(streams, count) : Py_NewRef(Py_None);
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(streams[i].numbers);
    PyMem_Free(streams);
    return rows;
}

/* ---- What is committed */

PyDoc_STRVAR(learn_doc, "learn(newest, whole)");

static PyObject *
batches_learn(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *newest, *whole, *group_id, *row;
    if (!PyArg_ParseTuple(args, "O!O!:learn", &PyDict_Type, &newest, &PyDict_Type, &whole))
        return NULL;
    if (newest == whole) {
        PyErr_SetString(PyExc_ValueError, "learn: found one dict twice, expected two");
        return NULL;
    }
    Py_ssize_t at = 0;
    while (PyDict_Next(whole, &at, &group_id, &row)) {
        int64_t time_ms;
        Py_INCREF(group_id);
        Py_INCREF(row);
        int outcome = check_row(row, &time_ms);
        if (outcome == 0)
            outcome = PyDict_SetItem(newest, group_id, PyTuple_GET_ITEM(row, 1));
        Py_DECREF(group_id);
        Py_DECREF(row);
        if (outcome < 0)
            return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef METHODS[] = {
    {"fold", (PyCFunction)(void (*)(void))batches_fold, METH_FASTCALL, fold_doc},
    {"incoming", batches_incoming, METH_VARARGS, incoming_doc},
    {"accounted", batches_accounted, METH_O, accounted_doc},
    {"learn", batches_learn, METH_VARARGS, learn_doc},
    {NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "siloscope_native._batches",
    .m_doc = "What a batch does for every message.",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC
PyInit__batches(void)
{
    fill_digits();
    GROUP_ID = PyUnicode_InternFromString("group_id");
    TABLE = PyUnicode_InternFromString("table");
    WHOLE = PyUnicode_InternFromString("whole");
    return GROUP_ID == NULL || TABLE == NULL || WHOLE == NULL ? NULL : PyModule_Create(&MODULE);
}
