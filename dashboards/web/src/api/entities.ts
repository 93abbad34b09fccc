/** What the API says, as the page uses it: instants in epoch milliseconds, ages in seconds. */
import { flag, id, instant, listOf, mapOf, number, oneOf, optional, type Reader, shape, text } from "./boundary";

export const tokens = shape({ access_token: text, expires_in: number, refresh_token: text });
export type Tokens = ReturnType<typeof tokens>;

export const me = shape({ username: text, role: optional(text) });
export type Me = ReturnType<typeof me>;

const grade = oneOf("good", "uncertain", "bad");
export type Grade = ReturnType<typeof grade>;

/** A channel's newest reading by sample time; `age_s` is the server's word at the moment it answered. */
export const latest = shape({
  time: instant,
  value: optional(number),
  quality: grade,
  reason: optional(text),
  age_s: number,
});
export type Latest = ReturnType<typeof latest>;

/** A clock that is ahead is so now; one that stepped or drifted did so this week, and did not come back since. */
const wrongClock = shape({
  kind: oneOf("ahead", "step_back", "step_forward", "drift"),
  offset_s: number,
  since: instant,
});
export type WrongClock = ReturnType<typeof wrongClock>;

const node = shape({
  id,
  slug: text,
  state: optional(text),
  last_seen_at: optional(instant),
  age_s: optional(number),
  clock: optional(wrongClock),
});
export type Node = ReturnType<typeof node>;

const counts = { channels: number, reporting: number, stale: number, bad: number };

export const site = shape({
  id,
  slug: text,
  name: text,
  time_zone: text,
  places: number,
  nodes: listOf(node),
  ...counts,
});
export type Site = ReturnType<typeof site>;

const span = shape({ min: optional(number), mean: optional(number), max: optional(number), unit: text });
export type Span = ReturnType<typeof span>;

const placeFields = {
  id,
  slug: text,
  title: optional(text),
  kind: text,
  site_id: id,
  grain: mapOf(span),
  summary: mapOf(span),
  unheard: number,
  ...counts,
};
export const place = shape(placeFields);
export type Place = ReturnType<typeof place>;

const spot = shape({
  id,
  slug: text,
  title: optional(text),
  kind: text,
  cable: optional(number),
  level: optional(number),
  spot: optional(text),
});
export type Spot = ReturnType<typeof spot>;

export const channel = shape({
  id,
  key: text,
  title: optional(text),
  quantity: text,
  unit: text,
  device: shape({ id, slug: text, title: optional(text) }),
  node: shape({ id, slug: text }),
  site: shape({ id, slug: text, name: text, time_zone: text }),
  place: optional(spot),
  interval_s: optional(number),
  retention_class: optional(text),
  resolution: optional(number),
  latest: optional(latest),
  /** So far ahead is the clock of the computer behind it that new readings are stored, but never the newest. */
  clock_ahead_s: optional(number),
});
export type Channel = ReturnType<typeof channel>;

export const placeWithChannels = shape({ ...placeFields, channels: listOf(channel) });

const point = shape({
  time: instant,
  min: optional(number),
  mean: optional(number),
  max: optional(number),
  count: number,
  bad: number,
});
export type Point = ReturnType<typeof point>;

export const series = shape({
  channel_id: id,
  unit: text,
  from: instant,
  to: instant,
  level: oneOf("raw", "m5", "hour", "day"),
  bucket_s: optional(number),
  points: listOf(point),
  catching_up: optional(flag),
});
export type Series = ReturnType<typeof series>;

/** What the live stream says of one channel. */
export const news = shape({
  channel_id: id,
  time: instant,
  value: optional(number),
  quality: grade,
  reason: optional(text),
  age_s: number,
});
export type News = ReturnType<typeof news>;

const subject = shape({
  group_id: id,
  device_id: id,
  device_slug: text,
  device_title: optional(text),
  node_slug: text,
  interval_s: optional(number),
  places: listOf(shape({ id, title: text })),
});

const ledgerDay = shape({
  day: text,
  expected: optional(number),
  stored: number,
  surplus: number,
  late: number,
  missing: mapOf(number),
  bad: mapOf(number),
  conflicts: number,
});
export type LedgerDay = ReturnType<typeof ledgerDay>;

export const completeness = shape({ subject, days: listOf(ledgerDay) });
export type CompletenessItem = ReturnType<typeof completeness>;

export const gap = shape({
  subject,
  cause: text,
  from: instant,
  to: instant,
  samples: number,
  interval_s: number,
});
export type Gap = ReturnType<typeof gap>;

export const conflict = shape({
  id,
  channel_id: id,
  channel_key: text,
  channel_title: optional(text),
  quantity: text,
  unit: text,
  device_slug: text,
  device_title: optional(text),
  time: instant,
  kept_value: optional(number),
  kept_reason: text,
  kept_epoch: optional(text),
  kept_seq: optional(number),
  other_value: optional(number),
  other_reason: text,
  other_epoch: optional(text),
  other_seq: optional(number),
});
export type Conflict = ReturnType<typeof conflict>;

const numbers = shape({ count: number });

export const nodeLedger = shape({
  node_id: id,
  slug: text,
  epochs: listOf(shape({ epoch: text, alive: (value) => value === true, on_its_way: numbers, lost: numbers })),
  refused: listOf(shape({ reason: text, at: instant })),
  twins: listOf(shape({ at: instant, epochs: listOf(text) })),
});
export type NodeLedger = ReturnType<typeof nodeLedger>;

export const refused = shape({
  id,
  topic: text,
  reason: text,
  detail: text,
  seq: optional(number),
  size_bytes: number,
  received_at: instant,
  last_seen_at: instant,
  times_seen: number,
  replay_requested_at: optional(instant),
  replayed_at: optional(instant),
});
export type Refused = ReturnType<typeof refused>;

export const quarantine = shape({
  items: listOf(refused),
  next_cursor: optional(text),
  only_counted: listOf(shape({ node: optional(text), hour: instant, reason: text, messages: number })),
});
export type Quarantine = ReturnType<typeof quarantine>;

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export function pageOf<T>(reader: Reader<T>): Reader<Page<T>> {
  return shape({ items: listOf(reader), next_cursor: optional(text) });
}
