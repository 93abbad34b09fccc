import { describe, expect, it } from "vitest";
import { channelPath, routeOf, sitePath } from "../src/routes";

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
    ["/bins", { page: "unknown", path: "/bins" }],
  ])("%s", (path, route) => expect(routeOf(path, "")).toEqual(route));

  it("keep the span of a chart in the address", () => {
    const path = channelPath("9", "7d");
    expect(routeOf(...(path.split("?") as [string, string]))).toMatchObject({ id: "9", range: "7d" });
    expect(routeOf("/channels/9", "range=year")).toMatchObject({ range: "24h" });
  });

  it("carry any identifier", () => expect(routeOf(sitePath("a b/c"), "")).toEqual({ page: "site", id: "a b/c" }));
});
