/** An alert's history: what happened, what people did and what was sent, as one line of time. Pure. */
import type { Action, AlertDetail, Notification, Transition } from "./entities";

export type Happening =
  | { kind: "transition"; atMs: number; transition: Transition }
  | { kind: "action"; atMs: number; action: Action }
  | { kind: "message"; atMs: number; message: Notification };

/** Newest first, by the server's clock; at one instant the message follows from the transition. */
export function happenings(alert: Pick<AlertDetail, "transitions" | "actions" | "notifications">): Happening[] {
  const all: Happening[] = [
    ...alert.transitions.map((transition) => ({ kind: "transition" as const, atMs: transition.at, transition })),
    ...alert.actions.map((action) => ({ kind: "action" as const, atMs: action.at, action })),
    ...alert.notifications.map((message) => ({ kind: "message" as const, atMs: message.enqueued_at, message })),
  ];
  const order = ["message", "action", "transition"];
  return all.sort((a, b) => b.atMs - a.atMs || order.indexOf(a.kind) - order.indexOf(b.kind) || later(a, b));
}

function later(a: Happening, b: Happening): number {
  return a.kind === "transition" && b.kind === "transition" ? b.transition.number - a.transition.number : 0;
}
