import { describe, expect, it } from "vitest";
import { alarmsOf, channelIdOf, levelsOf, windowOf } from "../src/alerts/chart-window";
import { type Alert, alert, alertDetail } from "../src/alerts/entities";
import { happenings } from "../src/alerts/history";
import { worstFirst } from "../src/alerts/ranking";
import { faultWords, lineSpan } from "../src/alerts/rule-text";
import { conditionWords, matcherWords, ruleWords, selectorWords } from "../src/alerts/rule-words";
import { deedWords, factWords, messageWords, pastWords, reasonWords, stateSentence } from "../src/alerts/words";
import { Malformed } from "../src/errors";

const HOUR = 3_600_000;
const BEGAN = Date.parse("2026-03-01T02:00:00Z");
const ANSWER = {
  id: 7,
  rule: { slug: "hot", name: "Hot grain", version: 2 },
  subject: { kind: "channel", id: 12, title: "Bin 7, cable 2, level 3" },
  severity: "warning",
  state: "firing",
  reason: "held",
  site: { id: 1, slug: "yard", name: "Yard", time_zone: "Europe/Kyiv" },
  node: { id: 3, slug: "yard-pi", title: "yard-pi" },
  place: { id: 4, slug: "bin-7", title: "Bin 7" },
  channel: { id: 12, key: "t3", title: null, quantity: "temperature", unit: "Cel" },
  incident_id: 9,
  retrospective: false,
  flapping: false,
  inhibited_by: null,
  labels: { crew: "east" },
  facts: { kind: "threshold", value: 31.2, level: 30, unit: "Cel" },
  began_at: "2026-03-01T02:00:00Z",
  fired_at: "2026-03-01T02:30:00Z",
  ended_at: null,
  changed_at: "2026-03-01T02:30:05Z",
  acknowledged_at: null,
  acknowledged_by: null,
  assigned_to: null,
  snoozed_until: null,
};

function alertOf(change: Partial<Alert> = {}): Alert {
  return { ...alert(ANSWER, "alert"), ...change };
}

describe("an alert from the API", () => {
  it("is read with its instants", () => {
    expect(alertOf()).toMatchObject({ id: "7", began_at: BEGAN, fired_at: BEGAN + HOUR / 2, ended_at: null });
  });

  it.each([
    ["alert.state", { ...ANSWER, state: "angry" }],
    ["alert.severity", { ...ANSWER, severity: "severe" }],
    ["alert.flapping", { ...ANSWER, flapping: "no" }],
  ])("is refused where %s means nothing", (place, answer) => {
    expect(() => alert(answer, "alert")).toThrow(Malformed);
    expect(() => alert(answer, "alert")).toThrow(place);
  });
});

describe("the list", () => {
  it("has the open ones first, the worst of them first, and what nobody has taken before what somebody has", () => {
    const wanted = ["critical", "warning new", "warning old", "taken", "info", "pending", "over"];
    const all: Record<string, Alert> = {
      over: alertOf({ id: "over", severity: "critical", state: "resolved", ended_at: BEGAN + 9 * HOUR }),
      info: alertOf({ id: "info", severity: "info" }),
      pending: alertOf({ id: "pending", severity: "critical", state: "pending", fired_at: null }),
      taken: alertOf({ id: "taken", acknowledged_at: BEGAN + HOUR, began_at: BEGAN + 5 * HOUR }),
      "warning old": alertOf({ id: "warning old", began_at: BEGAN - HOUR }),
      critical: alertOf({ id: "critical", severity: "critical" }),
      "warning new": alertOf({ id: "warning new" }),
    };
    expect(worstFirst(Object.values(all)).map((each) => each.id)).toEqual(wanted);
    expect(worstFirst(Object.values(all).reverse()).map((each) => each.id)).toEqual(wanted);
  });
});

describe("words of an alert", () => {
  it.each([
    [{ kind: "threshold", value: 31.2, level: 30, unit: "Cel" }, "31.2\u00a0°C, above 30.0\u00a0°C"],
    [{ kind: "threshold", value: 1.5, level: 2, unit: "Cel" }, "1.5\u00a0°C, below 2.0\u00a0°C"],
    [{ kind: "threshold", value: 9, level: [2, 8], unit: "Cel" }, "9.0\u00a0°C, limits 2.0 to 8.0\u00a0°C"],
    [{ kind: "rate", value: 24, figure: 6, level: 5, unit: "Cel" }, "24.0\u00a0°C, changed by 6.0"],
    [{ value: 31.5 }, "31.5\u00a0°C"],
    [{ kind: "no_data", level: 3 }, null],
  ])("%o", (facts, words) => expect(factWords(facts, "Cel")).toBe(words));

  it("say what late data showed", () => {
    expect(pastWords({ worst: 31.4, now: 24, unit: "Cel" })).toBe("reached 31.4\u00a0°C, now 24.0\u00a0°C");
    expect(pastWords({ worst: 31.4, unit: "Cel" })).toBe("reached 31.4\u00a0°C");
    expect(pastWords({})).toBeNull();
  });

  it.each([
    [{}, "Firing for 1 h 30 min"],
    [{ state: "pending", fired_at: null }, "Building up for 2 h"],
    [{ state: "unknown" }, "No word; it began 1 h 30 min ago"],
    [{ state: "resolved", ended_at: BEGAN + HOUR }, "Resolved after 30 min"],
    [
      { retrospective: true, fired_at: null, ended_at: BEGAN + HOUR },
      "Over; known only since its data came late. It lasted 1 h",
    ],
  ] as [Partial<Alert>, string][])("%o", (change, words) =>
    expect(stateSentence(alertOf(change), BEGAN + 2 * HOUR)).toBe(words),
  );

  it("never show a bare word of the machine where there is a better one", () => {
    expect(reasonWords("site_silent")).toBe("nothing comes from the whole site");
    expect(reasonWords("something_new")).toBe("something new");
  });
});

describe("an alert's history", () => {
  const detail = alertDetail(
    {
      ...ANSWER,
      document: { rule: "hot" },
      transitions: [
        { number: 1, from_state: "ok", to_state: "pending", reason: "breached", event_at: 0, at: 1000, facts: {} },
        { number: 2, from_state: "pending", to_state: "firing", reason: "held", event_at: 0, at: 1000, facts: {} },
      ],
      actions: [{ kind: "snooze", actor: "user:ada", via: "telegram", body: "", until: 9000, at: 3000 }],
      notifications: [
        {
          ...{ id: "n", channel: "crew", channel_kind: "email", route: "all", step: 0, kind: "firing", attempts: 2 },
          ...{ state: "delivered", enqueued_at: 1000, due_at: 1000, delivered_at: 2000, detail: "" },
        },
      ],
    },
    "alert",
  );

  it("is one line of time, newest first", () => {
    const told = happenings(detail).map((each) => (each.kind === "transition" ? each.transition.to_state : each.kind));
    expect(told).toEqual(["action", "message", "firing", "pending"]);
  });

  it("says who did what, and how a message fared", () => {
    expect(deedWords(detail.actions[0]!, (ms) => `${ms}`)).toBe("snoozed it until 9000 in Telegram");
    expect(messageWords(detail.notifications[0]!)).toBe("Message to crew, that it fires: delivered, 2 tries");
  });
});

describe("the chart of an alert", () => {
  it("begins as long before it as it lasted, and ends now while it is open", () => {
    expect(windowOf(alertOf(), BEGAN + 3 * HOUR)).toEqual({ fromMs: BEGAN - 3 * HOUR, toMs: BEGAN + 3 * HOUR });
    expect(windowOf(alertOf(), BEGAN + 60_000).fromMs).toBe(BEGAN - HOUR);
    const over = windowOf(alertOf({ ended_at: BEGAN + HOUR }), BEGAN + 100 * HOUR);
    expect(over).toEqual({ fromMs: BEGAN - HOUR, toMs: BEGAN + 1.5 * HOUR });
    const yearLong = windowOf(alertOf(), BEGAN + 8760 * HOUR);
    expect(yearLong.toMs - yearLong.fromMs).toBe(14 * 24 * HOUR);
  });

  it("shades from when it fired, and what was found late from its begin", () => {
    expect(alarmsOf(alertOf(), BEGAN + HOUR)).toEqual([{ fromS: BEGAN / 1000 + 1800, toS: BEGAN / 1000 + 3600 }]);
    expect(alarmsOf(alertOf({ state: "pending", fired_at: null }), BEGAN + HOUR)).toEqual([]);
  });

  it("draws levels that are of the values' own kind, and no others", () => {
    expect(levelsOf({ kind: "threshold", level: 30, clear: 28 }, {})).toEqual([
      { value: 30, dashed: false },
      { value: 28, dashed: true },
    ]);
    expect(levelsOf({ kind: "rate", level: 5 }, { kind: "rate", rises: 5 })).toEqual([]);
    expect(levelsOf({ value: 1 }, { kind: "threshold", outside: [2, 8] }).map((each) => each.value)).toEqual([2, 8]);
  });

  it("is of the alert's own channel, or of the one that mattered most", () => {
    expect(channelIdOf(alertOf())).toBe("12");
    expect(channelIdOf(alertOf({ channel: null, facts: { channel_id: 5 } }))).toBe("5");
    expect(channelIdOf(alertOf({ channel: null, facts: {} }))).toBeNull();
  });
});

describe("rules in words", () => {
  it.each([
    [{ kind: "threshold", above: 30, below: null }, "above 30\u00a0°C"],
    [{ kind: "threshold", outside: [2, 8] }, "outside 2 to 8\u00a0°C"],
    [{ kind: "rate", rises: 3.5, within: "1d" }, "rises by 3.5\u00a0°C within 1 d"],
    [{ kind: "deviation", above: 4, side: "warmer" }, "differs from its neighbours by more than 4\u00a0°C (warmer)"],
    [{ kind: "no_data", of: "node", intervals: 3 }, "nothing comes from a node for 3 intervals"],
    [{ kind: "bad_share", above: 0.25, within: "1h" }, "more than 25 % of readings are bad within 1 h"],
    [{ kind: "threshold", above: 2, reads: "vapour_pressure_deficit" }, "vapour pressure deficit above 2\u00a0kPa"],
    [{ kind: "not", condition: { kind: "threshold", below: 1 } }, "not (below 1\u00a0°C)"],
    [
      {
        kind: "all",
        conditions: [
          { kind: "threshold", above: 30 },
          { kind: "stuck", within: "6h" },
        ],
      },
      "above 30\u00a0°C and does not change within 6 h",
    ],
    [{ kind: "of_tomorrow" }, "of tomorrow"],
    [null, "a condition"],
  ])("%o", (condition, words) => expect(conditionWords(condition, "Cel")).toBe(words));

  it("come with their hold, in the unit of what they watch", () => {
    const select = { quantities: ["temperature"], place_kinds: ["bin"] };
    expect(ruleWords({ select, hold: "30m", condition: { kind: "threshold", above: 30 } })).toBe(
      "above 30\u00a0°C for 30 min",
    );
    expect(ruleWords({ hold: "0s", condition: { kind: "threshold", above: 30 } })).toBe("above 30");
  });

  it("say what they watch", () => {
    expect(selectorWords({})).toBe("everything");
    expect(selectorWords({ sites: [], quantities: ["temperature"], place_kinds: ["bin"], covered: true })).toBe(
      "temperature · bin · under the grain surface",
    );
    expect(matcherWords({ rules: ["hot"], severities: [], select: { places: ["bin-7"], tags: { crop: "rye" } } })).toBe(
      "rules hot · place bin-7 · tags crop = rye",
    );
    expect(matcherWords({ select: {} })).toBe("everything");
  });
});

describe("a rule as text", () => {
  it.each([
    [1, "rule: hot"],
    [2, "name: Hot"],
    [3, ""],
    [9, ""],
  ])("line %d is %j", (line, found) => {
    const text = "rule: hot\nname: Hot\n";
    expect(text.slice(...lineSpan(text, line))).toBe(found);
  });

  it("says where a fault stands without the word for the whole", () => {
    expect(faultWords({ place: "yaml.condition.abvoe", expected: "above", line: 4 })).toBe(
      "condition.abvoe: expected above",
    );
    expect(faultWords({ place: "yaml", expected: "well-formed YAML", line: 4 })).toBe("expected well-formed YAML");
  });
});

describe("what is silent", () => {
  it("is told by how much of it is", () => {
    expect(factWords({ kind: "no_data", silent_channels: 33, channels: 40 }, null)).toBe("33 of 40 sensors silent");
  });
});
