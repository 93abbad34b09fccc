/** What the API says of how long what is kept, checked where it enters. */
import { flag, id, instant, listOf, number, oneOf, optional, shape, text } from "../api/boundary";

export const CLASSES = ["measurements", "vitals", "records"] as const;
export type RetentionClass = (typeof CLASSES)[number];

/** The finest first; a coarser one is made of the finer ones. */
export const SAMPLE_LEVELS = ["raw", "m5", "hour", "day"] as const;
const retentionClass = oneOf(...CLASSES);
const level = oneOf(...SAMPLE_LEVELS, "conflicts", "gaps", "undated", "alerts", "messages");
export type Level = ReturnType<typeof level>;

export const policy = shape({
  retention_class: retentionClass,
  level,
  keep: text,
  keep_days: optional(number),
  source: oneOf("default", "set"),
  default_keep: text,
  version: number,
  set_at: optional(instant),
  set_by: optional(text),
});
export type Policy = ReturnType<typeof policy>;

export const policies = shape({
  items: listOf(policy),
  archive_required: flag,
  archiving: optional(flag),
  last_run_at: optional(instant),
});
export type Policies = ReturnType<typeof policies>;

const site = shape({ id, slug: text, name: text });
const day = shape({ day: text, archived: flag });
export type GoingDay = ReturnType<typeof day>;

const going = shape({
  retention_class: retentionClass,
  level,
  site: optional(site),
  rows: number,
  size_bytes: number,
  first: text,
  last: text,
  days: listOf(day),
  stays: listOf(text),
});
export type Going = ReturnType<typeof going>;
export const plan = shape({ items: listOf(going) });

export const loss = shape({
  id,
  gone_at: instant,
  retention_class: retentionClass,
  level,
  site: optional(site),
  rows: number,
  size_bytes: number,
  first: instant,
  last: instant,
  archived: flag,
});
export type Loss = ReturnType<typeof loss>;
