/** What somebody should look at first. Pure. */
import { type Alert, SEVERITIES } from "./entities";

/** Open before over, what nobody has taken before what somebody has, the worst first, then the newest. */
export function worstFirst(alerts: readonly Alert[]): Alert[] {
  return [...alerts].sort((a, b) => {
    const [left, right] = [rank(a), rank(b)];
    const differs = left.findIndex((value, index) => value !== right[index]);
    return differs < 0 ? b.began_at - a.began_at : left[differs]! - right[differs]!;
  });
}

function rank(alert: Alert): number[] {
  if (alert.ended_at !== null) return [1];
  const taken = alert.acknowledged_at === null ? 0 : 1;
  return [0, alert.state === "pending" ? 1 : 0, SEVERITIES.indexOf(alert.severity), taken];
}
