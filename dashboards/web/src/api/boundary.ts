/** Checks what comes from the server, once, where it enters; past here types can be believed. */
import { Malformed } from "../errors";

export type Reader<T> = (value: unknown, place: string) => T;

export const text: Reader<string> = (value, place) => {
  if (typeof value === "string") return value;
  throw new Malformed(place, value, "text");
};

export const number: Reader<number> = (value, place) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Malformed(place, value, "a finite number");
};

export const flag: Reader<boolean> = (value, place) => {
  if (typeof value === "boolean") return value;
  throw new Malformed(place, value, "true or false");
};

/** An identifier: the server may count or name things, the page only ever compares and repeats them. */
export const id: Reader<string> = (value, place) => {
  if (typeof value === "string" && value !== "") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return String(value);
  throw new Malformed(place, value, "an identifier");
};

/** An instant as ISO 8601 text with its offset, or epoch milliseconds; gives epoch milliseconds. */
export const instant: Reader<number> = (value, place) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw new Malformed(place, value, "an instant");
  return at;
};

export function oneOf<const T extends string>(...words: readonly T[]): Reader<T> {
  return (value, place) => {
    const word = words.find((candidate) => candidate === value);
    if (word === undefined) throw new Malformed(place, value, words.join(" or "));
    return word;
  };
}

/** Absent and null are one thing here. */
export function optional<T>(reader: Reader<T>): Reader<T | null> {
  return (value, place) => (value === null || value === undefined ? null : reader(value, place));
}

export function listOf<T>(reader: Reader<T>): Reader<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) throw new Malformed(place, value, "a list");
    return value.map((item, index) => reader(item, `${place}[${index}]`));
  };
}

export function mapOf<T>(reader: Reader<T>): Reader<Record<string, T>> {
  return (value, place) => {
    const fields = Object.entries(object(value, place));
    return Object.fromEntries(fields.map(([key, item]) => [key, reader(item, `${place}.${key}`)]));
  };
}

type Fields = Record<string, Reader<unknown>>;
type Shape<F extends Fields> = { [K in keyof F]: ReturnType<F[K]> };

/** Fields that the page does not know are left out, so that the server may add some. */
export function shape<F extends Fields>(fields: F): Reader<Shape<F>> {
  return (value, place) => {
    const found = object(value, place);
    const entries = Object.entries(fields).map(([key, reader]) => [key, reader(found[key], `${place}.${key}`)]);
    return Object.fromEntries(entries) as Shape<F>;
  };
}

function object(value: unknown, place: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Malformed(place, value, "an object");
}
