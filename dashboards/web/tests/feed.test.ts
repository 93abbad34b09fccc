import { describe, expect, it, vi } from "vitest";
import { Refused, Unreachable } from "../src/errors";
import { Feed, SILENCE_S } from "../src/live/feed";

const NEWS = { channel_id: 4, time: "2025-11-21T12:00:00Z", value: 21.5, quality: "good", reason: "good", age_s: 1 };
const event = (id: number) => `id: ${id}\nevent: latest\ndata: ${JSON.stringify(NEWS)}\n\n`;

/** A server whose streams the test writes, and timers that it fires. */
function given() {
  const streams: { write: (text: string) => void; end: () => void; lastId: string | null }[] = [];
  const timers: { seconds: number; work: () => void; cancelled: boolean }[] = [];
  const answers: (() => Response)[] = [];
  const open = vi.fn(async (lastId: string | null, signal: AbortSignal) => {
    const answer = answers.shift();
    if (answer) return answer();
    let controller!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({ start: (own) => void (controller = own) });
    signal.addEventListener("abort", () => {
      try {
        controller.error(new DOMException("aborted", "AbortError"));
      } catch {
        // It has ended already.
      }
    });
    streams.push({
      lastId,
      write: (text) => controller.enqueue(new TextEncoder().encode(text)),
      end: () => controller.close(),
    });
    return new Response(body);
  });
  const listener = { opened: vi.fn(), heard: vi.fn(), unreadable: vi.fn(), lost: vi.fn(), gaveUp: vi.fn() };
  const after = (seconds: number, work: () => void) => {
    const timer = { seconds, work, cancelled: false };
    timers.push(timer);
    return () => (timer.cancelled = true);
  };
  const fire = (seconds: number) => timers.findLast((timer) => timer.seconds === seconds && !timer.cancelled)!.work();
  const feed = new Feed(open, listener, { after, random: () => 1 });
  return { feed, listener, streams, answers, fire, open };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("the live feed", () => {
  it("passes news on", async () => {
    const { feed, listener, streams } = given();
    feed.start();
    await settle();
    streams[0]!.write(event(1));
    await settle();
    expect(listener.opened).toHaveBeenCalledOnce();
    expect(listener.heard.mock.lastCall![0]).toMatchObject([
      { channel_id: "4", value: 21.5, time: Date.parse(NEWS.time) },
    ]);
  });

  it("comes back after a break and goes on after the last event that it saw", async () => {
    const { feed, listener, streams, fire } = given();
    feed.start();
    await settle();
    streams[0]!.write(event(41));
    await settle();
    streams[0]!.end();
    await settle();
    expect(listener.lost).toHaveBeenCalledWith(expect.anything(), 1);
    fire(1);
    await settle();
    expect(streams[1]!.lastId).toBe("41");
    expect(listener.opened).toHaveBeenCalledTimes(2);
  });

  it("takes silence for a dead link", async () => {
    const { feed, listener, fire } = given();
    feed.start();
    await settle();
    fire(SILENCE_S);
    await settle();
    expect(listener.lost).toHaveBeenCalledOnce();
  });

  it("waits longer each time, and starts over once something was heard", async () => {
    const { feed, listener, answers, streams, fire } = given();
    for (let n = 0; n < 3; n += 1)
      answers.push(() => {
        throw new Unreachable("no link");
      });
    feed.start();
    await settle();
    for (const seconds of [1, 2, 4]) {
      expect(listener.lost.mock.lastCall![1]).toBe(seconds);
      fire(seconds);
      await settle();
    }
    streams[0]!.write(": connected\n\n");
    await settle();
    streams[0]!.end();
    await settle();
    expect(listener.lost.mock.lastCall![1]).toBe(1);
  });

  it("leaves out an event that it cannot read", async () => {
    const { feed, listener, streams } = given();
    feed.start();
    await settle();
    streams[0]!.write(`event: latest\ndata: {"channel_id":}\n\n${event(2)}`);
    await settle();
    expect(listener.unreadable).toHaveBeenCalledOnce();
    expect(listener.heard.mock.lastCall![0]).toHaveLength(1);
    expect(listener.lost).not.toHaveBeenCalled();
  });

  it("opens anew without a pause when the login behind the stream has run out", async () => {
    const { feed, listener, streams } = given();
    feed.start();
    await settle();
    streams[0]!.write("event: end\ndata: login_expired\n\n");
    await settle();
    expect(streams).toHaveLength(2);
    expect(listener.lost).not.toHaveBeenCalled();
  });

  it("gives up where it is not allowed", async () => {
    const { feed, listener, answers } = given();
    answers.push(() => {
      throw new Refused(404, "Not found", "no such place");
    });
    feed.start();
    await settle();
    expect(listener.gaveUp).toHaveBeenCalledOnce();
    expect(listener.lost).not.toHaveBeenCalled();
  });

  it("says nothing more once stopped", async () => {
    const { feed, listener, open } = given();
    feed.start();
    await settle();
    feed.stop();
    await settle();
    expect(listener.lost).not.toHaveBeenCalled();
    feed.retryNow();
    expect(open).toHaveBeenCalledOnce();
  });
});
