/* Samples that differ from an earlier one in nothing but their numbers: from the document to rows, without an object for
 * each reading.
 *
 * A node sends the same text over and over, with other times, another number and other values in it, and a row of the
 * database is the same bytes over and over, with another time and other values in them. A form is both: the pieces of
 * text around the numbers, and where in which row each number goes. What does not fit a form in every byte is not read
 * here: `read` then returns None, and the general decoder says what it is. Whatever is read here is what the general
 * decoder would have said, to the byte; the tests compare the two.
 *
 * Memory: a form checks all of its places once, when it is made; reading goes through a document between two pointers and
 * never beyond the second.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "numbers.h"

/* Where the numbers of a row stand: a field count and the length of its field before the first, a length between them. */
#define GROUP_AT 6
#define TIME_AT 14
#define ARRAYS_AT 22
#define MS_UNTIL_2000 INT64_C(946684800000)

/* A time below 2**28 s is relative (RFC 8428, 4.5.3); milliseconds of one below 2**43 s are exact. */
#define FIRST_ABSOLUTE_S 268435456.0
#define BEYOND_TIME_S 8796093022208.0

#define EPOCH_DIGITS 32
#define MOST_SEQ_DIGITS 18
#define MOST_TIME_DIGITS 15
#define MOST_TIME_DECIMALS 9
#define LONGEST_BASE 140

/* A record that begins with a base field begins a sample. */
#define NEXT_SAMPLE "},{\"b"

static inline void
put_be32(char *to, uint32_t bits)
{
    for (int byte = 3; byte >= 0; byte--, bits >>= 8)
        to[byte] = (char)(bits & 0xff);
}

static inline void
put_be64(char *to, uint64_t bits)
{
    for (int byte = 7; byte >= 0; byte--, bits >>= 8)
        to[byte] = (char)(bits & 0xff);
}

static inline void
put_double(char *to, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_be64(to, bits);
}

/* ---- Form: what samples of one kind share, whoever sends them */

typedef struct {
    Py_ssize_t row;  /* which row the number goes to */
    Py_ssize_t at;   /* where in it */
    double low, high, factor, divisor, offset;
} Place;

typedef struct {
    PyObject_HEAD
    Py_ssize_t numbers;
    Py_ssize_t width;  /* readings of a sample, the failed ones too */
    int converts;      /* whether some number changes on its way to the unit that it is stored in */
    PyObject *pieces;  /* tuple of bytes: one before each number, and one behind the last */
    PyObject *rows;    /* tuple of bytes: each row as it is but for group, time and numbers */
    Place *places;
} Form;

static void
Form_dealloc(Form *self)
{
    Py_XDECREF(self->pieces);
    Py_XDECREF(self->rows);
    PyMem_Free(self->places);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int
check_bytes(PyObject *tuple, Py_ssize_t shortest, const char *what)
{
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *each = PyTuple_GET_ITEM(tuple, i);
        if (!PyBytes_Check(each) || PyBytes_GET_SIZE(each) < shortest) {
            PyErr_Format(PyExc_ValueError, "%s %zd: found %R, expected at least %zd bytes", what, i, each, shortest);
            return -1;
        }
    }
    return 0;
}

static int
take_place(Form *self, Py_ssize_t i, PyObject *each)
{
    Place *place = &self->places[i];
    if (!PyTuple_Check(each)) {
        PyErr_Format(PyExc_TypeError, "place %zd: found %R, expected a tuple", i, each);
        return -1;
    }
    if (!PyArg_ParseTuple(each, "nnddddd", &place->row, &place->at, &place->low, &place->high, &place->factor,
                          &place->divisor, &place->offset))
        return -1;
    self->converts |= place->factor != 1.0 || place->divisor != 1.0 || place->offset != 0.0;
    if (place->row < 0 || place->row >= PyTuple_GET_SIZE(self->rows) || place->at < ARRAYS_AT ||
        place->at > PyBytes_GET_SIZE(PyTuple_GET_ITEM(self->rows, place->row)) - 8) {
        PyErr_Format(PyExc_ValueError, "place %zd: found byte %zd of row %zd, expected eight bytes of a row's arrays", i,
                     place->at, place->row);
        return -1;
    }
    return 0;
}

static int
Form_fill(Form *self, PyObject *pieces, PyObject *rows, PyObject *places)
{
    self->numbers = PyTuple_GET_SIZE(places);
    if (PyTuple_GET_SIZE(pieces) != self->numbers + 1) {
        PyErr_Format(PyExc_ValueError, "pieces: found %zd, expected one more than the %zd places",
                     PyTuple_GET_SIZE(pieces), self->numbers);
        return -1;
    }
    if (check_bytes(pieces, 0, "piece") < 0 || check_bytes(rows, ARRAYS_AT, "row") < 0)
        return -1;
    self->pieces = Py_NewRef(pieces);
    self->rows = Py_NewRef(rows);
    self->places = PyMem_New(Place, self->numbers ? self->numbers : 1);
    if (self->places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < self->numbers; i++) {
        if (take_place(self, i, PyTuple_GET_ITEM(places, i)) < 0)
            return -1;
    }
    return 0;
}

static int
refuse_names(PyObject *names)
{
    if (names == NULL || PyDict_GET_SIZE(names) == 0)
        return 0;
    PyErr_SetString(PyExc_TypeError, "found arguments with names, expected none");
    return -1;
}

static PyObject *
Form_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    PyObject *pieces, *rows, *places;
    Py_ssize_t width;
    if (refuse_names(names) < 0 || !PyArg_ParseTuple(args, "O!O!O!n:Form", &PyTuple_Type, &pieces, &PyTuple_Type, &rows,
                                                     &PyTuple_Type, &places, &width))
        return NULL;
    if (width < PyTuple_GET_SIZE(places) || width > INT32_MAX) {
        PyErr_Format(PyExc_ValueError, "width: found %zd, expected at least the %zd places", width,
                     PyTuple_GET_SIZE(places));
        return NULL;
    }
    Form *self = (Form *)type->tp_alloc(type, 0);
    if (self != NULL)
        self->width = width;
    if (self != NULL && Form_fill(self, pieces, rows, places) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static PyTypeObject FormType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "siloscope_native._samples.Form",
    .tp_doc = "Form(pieces, rows, places, width)",
    .tp_basicsize = sizeof(Form),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = Form_new,
    .tp_dealloc = (destructor)Form_dealloc,
};

/* ---- Recipe: a form as one device of one node sends it */

typedef struct {
    PyObject_VAR_HEAD
    Form *form;
    PyObject *device;  /* str */
    PyObject *parts;   /* tuple: what stands beside each row that is made */
    int32_t group_ids[];
} Recipe;

static void
Recipe_dealloc(Recipe *self)
{
    Py_XDECREF(self->form);
    Py_XDECREF(self->device);
    Py_XDECREF(self->parts);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyObject *
Recipe_new(PyTypeObject *type, PyObject *args, PyObject *names)
{
    PyObject *form, *device, *parts, *group_ids;
    if (refuse_names(names) < 0 || !PyArg_ParseTuple(args, "O!UO!O!:Recipe", &FormType, &form, &device, &PyTuple_Type,
                                                     &parts, &PyTuple_Type, &group_ids))
        return NULL;
    Py_ssize_t rows = PyTuple_GET_SIZE(((Form *)form)->rows);
    if (PyTuple_GET_SIZE(parts) != rows || PyTuple_GET_SIZE(group_ids) != rows) {
        PyErr_Format(PyExc_ValueError, "found %zd parts and %zd groups, expected %zd, as many as the form has rows",
                     PyTuple_GET_SIZE(parts), PyTuple_GET_SIZE(group_ids), rows);
        return NULL;
    }
    Recipe *self = (Recipe *)type->tp_alloc(type, rows);
    if (self == NULL)
        return NULL;
    self->form = (Form *)Py_NewRef(form);
    self->device = Py_NewRef(device);
    self->parts = Py_NewRef(parts);
    for (Py_ssize_t i = 0; i < rows; i++) {
        long group_id = PyLong_AsLong(PyTuple_GET_ITEM(group_ids, i));
        if ((group_id == -1 && PyErr_Occurred()) || group_id < INT32_MIN || group_id > INT32_MAX) {
            PyErr_Format(PyExc_ValueError, "group %zd: found %R, expected an int4", i, PyTuple_GET_ITEM(group_ids, i));
            Py_DECREF(self);
            return NULL;
        }
        self->group_ids[i] = (int32_t)group_id;
    }
    return (PyObject *)self;
}

static PyMemberDef RECIPE_MEMBERS[] = {
    {"form", T_OBJECT_EX, offsetof(Recipe, form), READONLY, "What it shares with others."},
    {NULL},
};

static PyTypeObject RecipeType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "siloscope_native._samples.Recipe",
    .tp_doc = "Recipe(form, device, parts, group_ids)",
    .tp_basicsize = sizeof(Recipe),
    .tp_itemsize = sizeof(int32_t),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_members = RECIPE_MEMBERS,
    .tp_new = Recipe_new,
    .tp_dealloc = (destructor)Recipe_dealloc,
};

/* ---- Reading */

typedef struct {
    const char *at, *end;   /* what is left of the document, without the "}]" that ends it */
    const char *base;       /* the base name that holds */
    Py_ssize_t base_length;
    int64_t time_ms;        /* the time that holds */
    int has_time;
    int64_t first_ms, last_ms;
    PyObject *rows;         /* list of (part, time_ms, row) */
    int64_t readings;
} Scan;

/* What a step found. An error is one of Python's. */
typedef enum { FAILED = -1, UNUSUAL = 0, FITS = 1 } Found;

static inline int
stands_here(const Scan *scan, const char *text, Py_ssize_t length)
{
    return scan->end - scan->at >= length && memcmp(scan->at, text, (size_t)length) == 0;
}

/* Go on behind `text` where that stands here. */
static inline int
follows(Scan *scan, const char *text, Py_ssize_t length)
{
    if (!stands_here(scan, text, length))
        return 0;
    scan->at += length;
    return 1;
}

#define FOLLOWS(scan, literal) follows(scan, literal, (Py_ssize_t)sizeof(literal) - 1)

/* As `follows`, for a label and what may be one space behind it. */
#define LABEL(scan, literal) (FOLLOWS(scan, literal) && (FOLLOWS(scan, " "), 1))

static Found
read_base(Scan *scan)
{
    const char *begin = scan->at;
    for (; scan->at < scan->end && *scan->at != '"'; scan->at++) {
        if (*scan->at == '\\')
            return UNUSUAL;
    }
    if (scan->at == scan->end || scan->at - begin > LONGEST_BASE)
        return UNUSUAL;
    scan->base = begin;
    scan->base_length = scan->at - begin;
    scan->at++;
    return FOLLOWS(scan, ",") ? FITS : UNUSUAL;
}

static Found
read_time(Scan *scan)
{
    const char *begin = scan->at, *point = NULL;
    double time_s;
    for (; scan->at < scan->end && (is_digit(*scan->at) || (*scan->at == '.' && point == NULL)); scan->at++) {
        if (*scan->at == '.')
            point = scan->at;
    }
    if ((point ? point : scan->at) - begin > MOST_TIME_DIGITS || (point && scan->at - point > MOST_TIME_DECIMALS + 1))
        return UNUSUAL;
    if (parse_number(begin, scan->at, &time_s) != scan->at || !FOLLOWS(scan, ","))
        return UNUSUAL;
    if (!(time_s >= FIRST_ABSOLUTE_S && time_s < BEYOND_TIME_S))
        return UNUSUAL;
    scan->time_ms = (int64_t)rint(time_s * 1000.0); /* to the nearest, of two the even one: as round() does it */
    scan->has_time = 1;
    return scan->time_ms >= scan->first_ms && scan->time_ms <= scan->last_ms ? FITS : UNUSUAL;
}

/* Read `"epoch":"…","seq":…,` and leave both as they stand in the document. */
static Found
read_number(Scan *scan, const char **epoch, int64_t *seq)
{
    *epoch = scan->at;
    for (; scan->at < scan->end && scan->at - *epoch < EPOCH_DIGITS; scan->at++) {
        if (!is_digit(*scan->at) && (*scan->at < 'a' || *scan->at > 'f'))
            return UNUSUAL;
    }
    if (!FOLLOWS(scan, "\",") || !(FOLLOWS(scan, " "), LABEL(scan, "\"seq\":")))
        return UNUSUAL;
    const char *begin = scan->at;
    if (begin == scan->end || *begin == '0')
        return UNUSUAL;
    for (*seq = 0; scan->at < scan->end && is_digit(*scan->at) && scan->at - begin < MOST_SEQ_DIGITS; scan->at++)
        *seq = *seq * 10 + (*scan->at - '0');
    return scan->at > begin && FOLLOWS(scan, ",") ? FITS : UNUSUAL;
}

/* Read what stands before the first reading's name. */
static Found
read_head(Scan *scan, const char **epoch, int64_t *seq)
{
    Found found = FITS;
    if (!FOLLOWS(scan, "[{"))
        return UNUSUAL;
    if (LABEL(scan, "\"bn\":")) {
        found = FOLLOWS(scan, "\"") ? read_base(scan) : UNUSUAL;
        FOLLOWS(scan, " ");
    }
    if (found == FITS && LABEL(scan, "\"bt\":")) {
        found = read_time(scan);
        FOLLOWS(scan, " ");
    }
    if (found == FITS && LABEL(scan, "\"epoch\":")) {
        found = FOLLOWS(scan, "\"") ? read_number(scan, epoch, seq) : UNUSUAL;
        FOLLOWS(scan, " ");
    }
    return found;
}

/* Read what stands between two samples. */
static Found
read_next_head(Scan *scan)
{
    if (!FOLLOWS(scan, NEXT_SAMPLE))
        return UNUSUAL;
    if (FOLLOWS(scan, "t\":"))
        return read_time(scan);
    if (!FOLLOWS(scan, "n\":\""))
        return UNUSUAL;
    Found found = read_base(scan);
    if (found == FITS && scan->base_length == 0)
        return UNUSUAL;
    return found == FITS && FOLLOWS(scan, "\"bt\":") ? read_time(scan) : found;
}

/* Append a sample's rows with everything in them but the numbers. */
static int
append_rows(Scan *scan, const Recipe *recipe)
{
    PyObject *templates = recipe->form->rows;
    PyObject *time = PyLong_FromLongLong(scan->time_ms);
    if (time == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(templates); i++) {
        PyObject *template = PyTuple_GET_ITEM(templates, i);
        PyObject *row = PyBytes_FromStringAndSize(PyBytes_AS_STRING(template), PyBytes_GET_SIZE(template));
        PyObject *entry = row == NULL ? NULL : PyTuple_Pack(3, PyTuple_GET_ITEM(recipe->parts, i), time, row);
        Py_XDECREF(row);
        if (entry == NULL || PyList_Append(scan->rows, entry) < 0) {
            Py_XDECREF(entry);
            Py_DECREF(time);
            return -1;
        }
        Py_DECREF(entry);
        put_be32(PyBytes_AS_STRING(row) + GROUP_AT, (uint32_t)recipe->group_ids[i]);
        put_be64(PyBytes_AS_STRING(row) + TIME_AT, (uint64_t)((scan->time_ms - MS_UNTIL_2000) * 1000));
    }
    Py_DECREF(time);
    return 0;
}

static void
skip_space(Scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

/* Put the numbers that stand here into the rows from `first_row` on. */
static Found
fill_rows(Scan *scan, const Form *form, Py_ssize_t first_row)
{
    for (Py_ssize_t i = 0; i <= form->numbers; i++) {
        PyObject *piece = PyTuple_GET_ITEM(form->pieces, i);
        if (!follows(scan, PyBytes_AS_STRING(piece), PyBytes_GET_SIZE(piece)))
            return UNUSUAL;
        if (i == form->numbers)
            break;
        const Place *place = &form->places[i];
        double value;
        skip_space(scan);
        const char *behind = parse_number(scan->at, scan->end, &value);
        if (behind == NULL)
            return UNUSUAL;
        scan->at = behind;
        skip_space(scan);
        if (form->converts)
            value = value * place->factor / place->divisor + place->offset;
        if (!(value >= place->low && value <= place->high))
            return UNUSUAL;
        PyObject *entry = PyList_GET_ITEM(scan->rows, first_row + place->row);
        put_double(PyBytes_AS_STRING(PyTuple_GET_ITEM(entry, 2)) + place->at, value);
    }
    return scan->at == scan->end || stands_here(scan, NEXT_SAMPLE, sizeof(NEXT_SAMPLE) - 1) ? FITS : UNUSUAL;
}

/* Read a sample by one recipe; where it does not fit, all is as it was before. */
static Found
read_by(Scan *scan, const Recipe *recipe)
{
    const char *begin = scan->at;
    PyObject *first = PyTuple_GET_ITEM(recipe->form->pieces, 0);
    if (!stands_here(scan, PyBytes_AS_STRING(first), PyBytes_GET_SIZE(first)))
        return UNUSUAL;
    Py_ssize_t rows = PyList_GET_SIZE(scan->rows);
    if (append_rows(scan, recipe) < 0)
        return FAILED;
    Found found = fill_rows(scan, recipe->form, rows);
    if (found != FITS) {
        scan->at = begin;
        if (PyList_SetSlice(scan->rows, rows, PyList_GET_SIZE(scan->rows), NULL) < 0)
            return FAILED;
    }
    return found;
}

/* Read the sample that stands here by one of its device's recipes; `before` is the device of the last sample. Both are
 * held: what is allocated may start the garbage collector, and that anything. */
static Found
read_by_one_of(Scan *scan, PyObject *known, PyObject **before, int64_t *before_ms)
{
    int64_t time_ms = scan->time_ms;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(known); i++) {
        Recipe *recipe = (Recipe *)PyTuple_GET_ITEM(known, i);
        if (!Py_IS_TYPE(recipe, &RecipeType)) {
            PyErr_Format(PyExc_TypeError, "recipes: found %R, expected a Recipe", recipe);
            return FAILED;
        }
        Found found = read_by(scan, recipe);
        if (found == FAILED)
            return FAILED;
        if (found == UNUSUAL)
            continue;
        /* What is of one device and instant is one sample, unless it contradicts itself. */
        if (*before != NULL && *before_ms == time_ms && PyUnicode_Compare(*before, recipe->device) == 0)
            return UNUSUAL;
        Py_XSETREF(*before, Py_NewRef(recipe->device));
        *before_ms = time_ms;
        scan->readings += recipe->form->width;
        return FITS;
    }
    return UNUSUAL;
}

static Found
read_sample(Scan *scan, PyObject *recipes, PyObject **before, int64_t *before_ms)
{
    PyObject *base = PyBytes_FromStringAndSize(scan->base, scan->base_length);
    if (base == NULL)
        return FAILED;
    PyObject *known = Py_XNewRef(PyDict_GetItemWithError(recipes, base));
    Py_DECREF(base);
    if (known == NULL)
        return PyErr_Occurred() ? FAILED : UNUSUAL;
    Found found = FAILED;
    if (PyTuple_Check(known))
        found = read_by_one_of(scan, known, before, before_ms);
    else
        PyErr_Format(PyExc_TypeError, "recipes: found %R, expected tuples", known);
    Py_DECREF(known);
    return found;
}

static Found
read_samples(Scan *scan, PyObject *recipes, const char **epoch, int64_t *seq)
{
    PyObject *before = NULL;
    int64_t before_ms = 0;
    Found found = read_head(scan, epoch, seq);
    if (found == FITS && !scan->has_time)
        found = UNUSUAL;
    while (found == FITS) {
        found = read_sample(scan, recipes, &before, &before_ms);
        if (found != FITS || scan->at == scan->end)
            break;
        found = read_next_head(scan);
    }
    Py_XDECREF(before);
    return found;
}

static PyObject *
said(const Scan *scan, const char *epoch, int64_t seq)
{
    PyObject *rows = scan->rows;
    if (epoch == NULL)
        return Py_BuildValue("OOOL", Py_None, Py_None, rows, (long long)scan->readings);
    return Py_BuildValue("s#LOL", epoch, (Py_ssize_t)EPOCH_DIGITS, (long long)seq, rows, (long long)scan->readings);
}

PyDoc_STRVAR(read_doc, "read(document, recipes, first_ms, last_ms)");

static PyObject *
samples_read(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t count)
{
    if (count != 4 || !PyBytes_Check(args[0]) || !PyDict_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "read: expected a document (bytes), recipes (dict) and two times");
        return NULL;
    }
    Py_ssize_t length = PyBytes_GET_SIZE(args[0]);
    const char *document = PyBytes_AS_STRING(args[0]), *epoch = NULL;
    int64_t seq = 0;
    Scan scan = {.at = document, .first_ms = PyLong_AsLongLong(args[2])};
    if (scan.first_ms == -1 && PyErr_Occurred())
        return NULL;
    scan.last_ms = PyLong_AsLongLong(args[3]);
    if (scan.last_ms == -1 && PyErr_Occurred())
        return NULL;
    if (length < 4 || memcmp(document + length - 2, "}]", 2) != 0)
        Py_RETURN_NONE;
    scan.end = document + length - 2;
    scan.rows = PyList_New(0);
    if (scan.rows == NULL)
        return NULL;
    Found found = read_samples(&scan, args[1], &epoch, &seq);
    PyObject *result = found == FITS ? said(&scan, epoch, seq) : found == FAILED ? NULL : Py_NewRef(Py_None);
    Py_DECREF(scan.rows);
    return result;
}

static PyMethodDef METHODS[] = {
    {"read", (PyCFunction)(void (*)(void))samples_read, METH_FASTCALL, read_doc},
    {NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "siloscope_native._samples",
    .m_doc = "Samples that differ from an earlier one in nothing but their numbers.",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC
PyInit__samples(void)
{
    PyObject *module = PyModule_Create(&MODULE);
    if (module == NULL)
        return NULL;
    if (PyModule_AddType(module, &FormType) < 0 || PyModule_AddType(module, &RecipeType) < 0)
        Py_CLEAR(module);
    return module;
}
