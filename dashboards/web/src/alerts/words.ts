/** Alerts in the words of the people who read them. Pure. */
import { formatNumber, formatValue, quantityName, unitSign } from "../readings/quantities";
import { duration } from "../time/age";
import type { Action, Alert, AlertState, Facts, Notification, Severity } from "./entities";

export const SEVERITY_WORDS: Record<Severity, string> = { critical: "Critical", warning: "Warning", info: "Info" };

export const STATE_WORDS: Record<AlertState, string> = {
  ok: "Over before it fired",
  pending: "Building up",
  firing: "Firing",
  clearing: "Easing",
  unknown: "No word",
  resolved: "Resolved",
};

const REASONS: Record<string, string> = {
  breached: "the condition is met; it has not lasted long enough yet",
  held: "it lasted for as long as the rule asks",
  not_held: "it ended before it had lasted long enough",
  below_clear: "readings are back on the good side; it is being watched",
  breached_again: "readings left the good side again",
  cleared: "readings stayed on the good side",
  no_data: "the readings that it needs no longer come",
  bad_data: "readings come, but none is good",
  node_silent: "the computer that reads it is silent",
  site_silent: "nothing comes from the whole site",
  platform_down: "Siloscope itself could not listen",
  data_back: "readings come again",
  silent: "nothing came for longer than is usual",
  late_history: "data that came late fills a gap in it",
  late_excursion: "data that came late shows it",
  flapping: "it comes and goes",
  calm: "it no longer comes and goes",
  rule_changed: "the rule was changed",
  rule_removed: "the rule was removed",
  out_of_scope: "the rule no longer watches this",
  off_schedule: "it is outside the rule's hours",
  maintenance: "maintenance is going on",
  inhibited: "another alert that explains it is firing",
};

const MESSAGES: Record<string, string> = {
  firing: "that it fires",
  resolved: "that it is over",
  escalated: "that nobody has answered",
  repeated: "that it still fires",
  changed: "what changed",
  retrospective: "what late data shows",
  summary: "a summary",
};

const DELIVERY: Record<string, string> = {
  queued: "on its way",
  sending: "being sent",
  delivered: "delivered",
  held: "held back, for the next summary",
  given_up: "given up",
};

const DEEDS: Record<string, string> = {
  acknowledge: "acknowledged it",
  unacknowledge: "took the acknowledgement back",
  comment: "wrote",
  unsnooze: "had people told again",
};

const VIA: Record<string, string> = { command: "on the command line", link: "by the link", telegram: "in Telegram" };

export function reasonWords(reason: string): string {
  return REASONS[reason] ?? reason.replaceAll("_", " ");
}

/** `ada` for `user:ada`. */
export function actorName(actor: string): string {
  return actor.replace(/^\w+:/, "");
}

/** `31.2 °C, above 30 °C`; null where the alert is not about a number. */
export function factWords(facts: Facts, unit: string | null): string | null {
  const { silent_channels: silent, channels } = facts;
  if (typeof silent === "number" && typeof channels === "number") return `${silent} of ${channels} sensors silent`;
  const own = typeof facts["unit"] === "string" ? facts["unit"] : (unit ?? "");
  const value = facts["value"] ?? facts["figure"];
  if (typeof value !== "number") return null;
  const shown = formatValue(value, own);
  const limit = limitWords(facts, own);
  return limit === null ? shown : `${shown}, ${limit}`;
}

function limitWords(facts: Facts, unit: string): string | null {
  const level = facts["level"];
  if (isBand(level)) return `limits ${formatNumber(level[0], unit)} to ${formatValue(level[1], unit)}`;
  if (typeof level !== "number") return null;
  const kind = facts["kind"];
  if (kind !== undefined && kind !== "threshold") {
    const figure = facts["figure"];
    return typeof figure === "number" ? `${kindWords(String(kind))} ${formatNumber(figure, unit)}` : null;
  }
  const value = facts["value"];
  if (typeof value !== "number" || value === level) return `limit ${formatValue(level, unit)}`;
  return `${value > level ? "above" : "below"} ${formatValue(level, unit)}`;
}

function kindWords(kind: string): string {
  const words: Record<string, string> = {
    rate: "changed by",
    spread: "spread",
    deviation: "off its neighbours by",
    forecast: "heading for",
    unusual: "beyond its usual range by",
  };
  return words[kind] ?? kind.replaceAll("_", " ");
}

export function isBand(level: unknown): level is [number, number] {
  return Array.isArray(level) && level.length === 2 && level.every((each) => typeof each === "number");
}

/** `reached 31.4 °C, now 24.0 °C`: what late data showed; null where it says no number. */
export function pastWords(facts: Facts): string | null {
  const { worst, now, unit } = facts;
  if (typeof worst !== "number") return null;
  const sign = typeof unit === "string" ? unit : "";
  const reached = `reached ${formatValue(worst, sign)}`;
  return typeof now === "number" ? `${reached}, now ${formatValue(now, sign)}` : reached;
}

/** How long it has been or was firing, in seconds. */
export function lastedS(alert: Pick<Alert, "fired_at" | "began_at" | "ended_at">, nowMs: number): number {
  return Math.max(0, ((alert.ended_at ?? nowMs) - (alert.fired_at ?? alert.began_at)) / 1000);
}

/** `Firing for 2 h 5 min`, `Resolved after 20 min`. */
export function stateSentence(alert: Alert, nowMs: number): string {
  const lasted = duration(lastedS(alert, nowMs));
  if (alert.retrospective) return `Over; known only since its data came late. It lasted ${lasted}`;
  if (alert.state === "resolved") return `Resolved after ${lasted}`;
  if (alert.state === "ok") return STATE_WORDS.ok;
  if (alert.state === "unknown") return `No word; it began ${lasted} ago`;
  return `${STATE_WORDS[alert.state]} for ${lasted}`;
}

export function messageWords(message: Notification): string {
  const about = MESSAGES[message.kind] ?? message.kind.replaceAll("_", " ");
  const how = DELIVERY[message.state] ?? message.state;
  const tries = message.attempts > 1 ? `, ${message.attempts} tries` : "";
  return `Message to ${message.channel}, ${about}: ${how}${tries}`;
}

/** `acknowledged it`, with whom it was given to and how it was done. */
export function deedWords(action: Action, moment: (ms: number) => string): string {
  const how = VIA[action.via] === undefined ? "" : ` ${VIA[action.via]}`;
  if (action.kind === "assign")
    return action.body === "" ? `took it from its owner${how}` : `gave it to ${action.body}${how}`;
  if (action.kind === "snooze")
    return `snoozed it${action.until === null ? "" : ` until ${moment(action.until)}`}${how}`;
  return `${DEEDS[action.kind] ?? action.kind}${how}`;
}

/** `Temperature, °C` */
export function measureWords(quantity: string, unit: string): string {
  return [quantityName(quantity), unitSign(unit)].filter((word) => word !== "").join(", ");
}
