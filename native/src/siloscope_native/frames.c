/* MQTT control packets in what a socket brought (MQTT 3.1.1 and 5, 2.1 and 3.3), the messages among them taken apart.
 *
 * Memory: nothing is read beyond the packet that it stands in, and no packet is looked at before all of it is there.
 */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

/* No broker of ours passes on so much in one packet: a length beyond it is a torn one, and waiting for the rest of it
 * would fill the memory with everything that comes. */
#define MOST_BYTES (1 << 21)

#define PUBLISH 0x30
#define QOS_BITS 6

/* A length of one to four bytes, seven bits each, the lowest first (MQTT 5, 1.5.5). Returns how many bytes it takes, 0
 * where not all of it is there, -1 where it is none. */
static int
read_length(const unsigned char *at, const unsigned char *end, Py_ssize_t *length)
{
    *length = 0;
    for (int i = 0; i < 4; i++) {
        if (at + i == end)
            return 0;
        *length |= (Py_ssize_t)(at[i] & 127) << (7 * i);
        if (at[i] < 128)
            return i + 1;
    }
    return -1;
}

static PyObject *
torn(const char *what)
{
    PyErr_SetString(PyExc_ValueError, what);
    return NULL;
}

/* Return a PUBLISH as (command, topic, packet id or None, payload). */
static PyObject *
publication(unsigned char command, const unsigned char *at, const unsigned char *end, int is_mqtt5)
{
    if (end - at < 2)
        return torn("found a PUBLISH without a topic, expected one");
    Py_ssize_t length = at[0] << 8 | at[1];
    const char *topic = (const char *)at + 2;
    at += 2;
    if (end - at < length)
        return torn("found a topic longer than its PUBLISH, expected it within");
    at += length;
    long packet_id = -1;
    if (command & QOS_BITS) {
        if (end - at < 2)
            return torn("found a PUBLISH without a packet id, expected one");
        packet_id = at[0] << 8 | at[1];
        at += 2;
    }
    if (is_mqtt5) {
        Py_ssize_t properties;
        int taken = read_length(at, end, &properties);
        if (taken <= 0 || end - at - taken < properties)
            return torn("found properties longer than their PUBLISH, expected them within");
        at += taken + properties;
    }
    PyObject *text = PyUnicode_DecodeUTF8(topic, length, "replace");
    if (text == NULL)
        return NULL;
    if (packet_id < 0)
        return Py_BuildValue("(bNOy#)", command, text, Py_None, at, (Py_ssize_t)(end - at));
    return Py_BuildValue("(bNly#)", command, text, packet_id, at, (Py_ssize_t)(end - at));
}

static PyObject *
packet(unsigned char command, const unsigned char *at, const unsigned char *end, int is_mqtt5)
{
    if ((command & 0xf0) == PUBLISH)
        return publication(command, at, end, is_mqtt5);
    return Py_BuildValue("(bOOy#)", command, Py_None, Py_None, at, (Py_ssize_t)(end - at));
}

/* Append all whole packets to `found`. Returns where the first one begins that is not whole, NULL for an error. */
static const unsigned char *
split(const unsigned char *at, const unsigned char *end, int is_mqtt5, PyObject *found)
{
    while (end - at >= 2) {
        Py_ssize_t length;
        int taken = read_length(at + 1, end, &length);
        if (taken < 0) {
            torn("found a remaining length of more than four bytes");
            return NULL;
        }
        const unsigned char *start = at + 1 + taken;
        if (taken == 0 || end - start < length) {
            if (taken > 0 && length > MOST_BYTES) {
                PyErr_Format(PyExc_ValueError, "found a packet of %zd bytes, expected at most %d", length, MOST_BYTES);
                return NULL;
            }
            break;
        }
        PyObject *each = packet(at[0], start, start + length, is_mqtt5);
        if (each == NULL || PyList_Append(found, each) < 0) {
            Py_XDECREF(each);
            return NULL;
        }
        Py_DECREF(each);
        at = start + length;
    }
    return at;
}

PyDoc_STRVAR(split_doc, "split(data, is_mqtt5)");

static PyObject *
frames_split(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer data;
    int is_mqtt5;
    if (!PyArg_ParseTuple(args, "y*p:split", &data, &is_mqtt5))
        return NULL;
    PyObject *found = PyList_New(0), *result = NULL;
    if (found != NULL) {
        const unsigned char *begin = data.buf;
        const unsigned char *behind = split(begin, begin + data.len, is_mqtt5, found);
        if (behind != NULL)
            result = Py_BuildValue("On", found, (Py_ssize_t)(behind - begin));
        Py_DECREF(found);
    }
    PyBuffer_Release(&data);
    return result;
}

static PyMethodDef METHODS[] = {
    {"split", frames_split, METH_VARARGS, split_doc},
    {NULL},
};

static struct PyModuleDef MODULE = {
    PyModuleDef_HEAD_INIT,
    .m_name = "siloscope_native._frames",
    .m_doc = "MQTT control packets in what a socket brought.",
    .m_size = -1,
    .m_methods = METHODS,
};

PyMODINIT_FUNC
PyInit__frames(void)
{
    return PyModule_Create(&MODULE);
}
