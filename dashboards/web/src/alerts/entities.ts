/** What the API says of alerts, rules and silences, as the page uses it: instants in epoch milliseconds. */
import { flag, id, instant, listOf, mapOf, number, oneOf, optional, type Reader, shape, text } from "../api/boundary";

/** Values that a kind of rule names as it likes: whoever shows one looks at what it is. */
const whatever: Reader<unknown> = (value) => value;
export type Facts = Record<string, unknown>;

/** Worst first. */
export const SEVERITIES = ["critical", "warning", "info"] as const;
const severity = oneOf(...SEVERITIES);
export type Severity = ReturnType<typeof severity>;

const state = oneOf("ok", "pending", "firing", "clearing", "unknown", "resolved");
export type AlertState = ReturnType<typeof state>;

const named = shape({ id, slug: text, title: optional(text) });

const alertFields = {
  id,
  rule: shape({ slug: text, name: text, version: number }),
  subject: shape({ kind: text, id, title: text }),
  severity,
  state,
  reason: text,
  site: optional(shape({ id, slug: text, name: text, time_zone: text })),
  node: optional(named),
  place: optional(named),
  channel: optional(shape({ id, key: text, title: optional(text), quantity: text, unit: text })),
  incident_id: optional(id),
  retrospective: flag,
  flapping: flag,
  inhibited_by: optional(id),
  labels: mapOf(text),
  facts: mapOf(whatever),
  began_at: instant,
  fired_at: optional(instant),
  ended_at: optional(instant),
  changed_at: instant,
  acknowledged_at: optional(instant),
  acknowledged_by: optional(text),
  assigned_to: optional(text),
  snoozed_until: optional(instant),
};
export const alert = shape(alertFields);
export type Alert = ReturnType<typeof alert>;

const counts = shape({
  open: number,
  critical: number,
  warning: number,
  info: number,
  unacknowledged: number,
  pending: number,
});
export type AlertCounts = ReturnType<typeof counts>;

export const alerts = shape({ items: listOf(alert), next_cursor: optional(text), counts });
export type Alerts = ReturnType<typeof alerts>;

const transition = shape({
  number,
  from_state: text,
  to_state: text,
  reason: text,
  event_at: instant,
  at: instant,
  facts: mapOf(whatever),
});
export type Transition = ReturnType<typeof transition>;

const action = shape({ kind: text, actor: text, via: text, body: text, until: optional(instant), at: instant });
export type Action = ReturnType<typeof action>;

const notification = shape({
  id: text,
  channel: text,
  channel_kind: text,
  route: optional(text),
  step: number,
  kind: text,
  state: text,
  attempts: number,
  enqueued_at: instant,
  due_at: instant,
  delivered_at: optional(instant),
  detail: text,
});
export type Notification = ReturnType<typeof notification>;

export const alertDetail = shape({
  ...alertFields,
  document: mapOf(whatever),
  transitions: listOf(transition),
  actions: listOf(action),
  notifications: listOf(notification),
});
export type AlertDetail = ReturnType<typeof alertDetail>;

export const rule = shape({
  slug: text,
  name: text,
  version: number,
  enabled: flag,
  origin: text,
  severity,
  open_alerts: number,
  changed_at: instant,
  author: text,
  document: mapOf(whatever),
});
export type Rule = ReturnType<typeof rule>;

export const ruleText = shape({ slug: text, version: number, yaml: text });

export const ruleChecked = shape({
  rule: text,
  change: oneOf("new", "changed", "same"),
  matches: shape({ count: number, examples: listOf(text) }),
});
export type RuleChecked = ReturnType<typeof ruleChecked>;

export const silence = shape({
  id,
  kind: oneOf("silence", "maintenance"),
  selector: mapOf(whatever),
  begins: instant,
  ends: instant,
  repeats: oneOf("never", "daily", "weekly"),
  author: text,
  comment: text,
  ended_at: optional(instant),
  ended_by: optional(text),
  state: oneOf("coming", "active", "over"),
});
export type Silence = ReturnType<typeof silence>;

export interface NewSilence {
  kind: Silence["kind"];
  selector: Facts;
  begins?: string;
  ends: string;
  repeats: Silence["repeats"];
  comment: string;
}
