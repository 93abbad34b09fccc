/** Rules as text: where a line stands, and what is said of a fault. Pure. */
import type { Fault } from "../errors";

/** What the form for a new rule begins with. */
export const NEW_RULE = `rule: my-rule
name: What people are told
severity: warning
select:
  quantities: [temperature]
condition:
  kind: threshold
  above: 30
  clear: 28
hold: 30m
`;

/** Where a line, counted from 1, begins and ends in a text; of one that is not there, the end of the text. */
export function lineSpan(text: string, line: number): [number, number] {
  let begin = 0;
  for (let number = 1; number < line; number += 1) {
    const end = text.indexOf("\n", begin);
    if (end < 0) return [text.length, text.length];
    begin = end + 1;
  }
  const end = text.indexOf("\n", begin);
  return [begin, end < 0 ? text.length : end];
}

/** `condition.abvoe: expected …`, without the word for the whole text. */
export function faultWords(fault: Fault): string {
  const place = fault.place.replace(/^(yaml|body)\.?/, "");
  return `${place === "" ? "" : `${place}: `}expected ${fault.expected}`;
}
