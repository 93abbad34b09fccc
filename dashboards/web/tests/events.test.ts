import { describe, expect, it } from "vitest";
import { waitS } from "../src/live/backoff";
import { EventStreamParser } from "../src/live/events";

const parse = (...chunks: string[]) => {
  const parser = new EventStreamParser();
  return chunks.flatMap((chunk) => parser.push(chunk));
};

describe("an event stream", () => {
  it("gives an event with its name, data and id", () =>
    expect(parse('id: 7\nevent: latest\ndata: {"a":1}\n\n')).toEqual([{ event: "latest", data: '{"a":1}', id: "7" }]));

  it("may be cut anywhere", () => {
    const text = "id: 7\r\nevent: latest\r\ndata: one\r\ndata: two\r\n\r\ndata: three\r\n\r\n";
    const whole = parse(text);
    expect(whole.map(({ data }) => data)).toEqual(["one\ntwo", "three"]);
    for (let cut = 1; cut < text.length; cut += 1) expect(parse(text.slice(0, cut), text.slice(cut))).toEqual(whole);
    expect(parse(...text)).toEqual(whole);
  });

  it("ignores comments and what was not completed", () =>
    expect(parse(": keep-alive\n\nretry: 2000\ndata: x\n")).toEqual([]));

  it("keeps the id for events that have none", () =>
    expect(parse("id: 3\ndata: a\n\ndata: b\n\n").map(({ id }) => id)).toEqual(["3", "3"]));

  it("takes a lone return as the end of a line, and a first byte-order mark away", () =>
    expect(parse("\uFEFFdata: a\r\rdata: b\n\n").map(({ data }) => data)).toEqual(["a", "b"]));

  it("keeps a second space and a value without one", () =>
    expect(parse("data:  a\n\ndata:b\n\ndata\n\n").map(({ data }) => data)).toEqual([" a", "b", ""]));
});

describe("the pause before the next try", () => {
  it("doubles up to half a minute and is spread", () => {
    expect([1, 2, 3, 4, 5, 6, 60].map((failures) => waitS(failures, 1))).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(waitS(3, 0)).toBe(2);
  });
});
