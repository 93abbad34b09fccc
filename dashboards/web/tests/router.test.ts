import { describe, expect, it } from "vitest";
import { alertPath, alertsPath, channelPath, routeOf, silencesPath, sitePath } from "../src/routes";

describe("routes", () => {
  it.each([
    ["/", { page: "sites" }],
    ["/sites", { page: "sites" }],
    ["/sites/", { page: "sites" }],
    ["/sites/3", { page: "site", id: "3" }],
    ["/sites/3/channels", { page: "site-channels", id: "3" }],
    ["/places/a%2Fb", { page: "place", id: "a/b" }],
    ["/channels/9", { page: "channel", id: "9", range: "24h" }],
    ["/channels/9/more", { page: "unknown", path: "/channels/9/more" }],
    ["/quarantine", { page: "quarantine" }],
    ["/keeping", { page: "keeping" }],
    ["/alerts", { page: "alerts", wanted: { show: "open", severity: "", site: "", rule: "" } }],
    ["/alerts/9", { page: "alert", id: "9" }],
    ["/rules", { page: "rules" }],
    ["/silences", { page: "silences", about: { rule: "", site: "", place: "" } }],
    ["/rules/hot", { page: "unknown", path: "/rules/hot" }],
    ["/bins", { page: "unknown", path: "/bins" }],
  ])("%s", (path, route) => expect(routeOf(path, "")).toEqual(route));

  it("keep the span of a chart in the address", () => {
    const path = channelPath("9", "7d");
    expect(routeOf(...(path.split("?") as [string, string]))).toMatchObject({ id: "9", range: "7d" });
    expect(routeOf("/channels/9", "range=year")).toMatchObject({ range: "24h" });
  });

  it("keep what a list of alerts is narrowed to, and nothing that is not", () => {
    expect(alertsPath({ show: "open", severity: "", site: "" })).toBe("/alerts");
    const path = alertsPath({ show: "over", severity: "critical", site: "3", rule: "hot" });
    expect(routeOf(...(path.split("?") as [string, string]))).toEqual({
      page: "alerts",
      wanted: { show: "over", severity: "critical", site: "3", rule: "hot" },
    });
    expect(routeOf("/alerts", "show=everything")).toMatchObject({ wanted: { show: "open" } });
  });

  it("begin a silence where an alert is", () => {
    expect(routeOf(...(silencesPath({ rule: "hot", place: "bin-7" }).split("?") as [string, string]))).toEqual({
      page: "silences",
      about: { rule: "hot", site: "", place: "bin-7" },
    });
    expect(silencesPath()).toBe("/silences");
    expect(alertPath("a/b")).toBe("/alerts/a%2Fb");
  });

  it("carry any identifier", () => expect(routeOf(sitePath("a b/c"), "")).toEqual({ page: "site", id: "a b/c" }));
});
