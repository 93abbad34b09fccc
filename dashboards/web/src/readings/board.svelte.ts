/** The newest reading of every channel that this page has heard of. */
import { SvelteMap } from "svelte/reactivity";
import type { Channel, Latest, News } from "../api/entities";
import type { Elapsed } from "../time/elapsed";
import type { ServerClock } from "../time/server-clock";
import { type Judgement, judge, type Known, supersedes } from "./freshness";

export class Board {
  private readonly known = new SvelteMap<string, Known>();

  constructor(
    private readonly elapsed: Elapsed,
    private readonly clock: ServerClock,
  ) {}

  learn(channels: readonly Channel[]): void {
    for (const channel of channels) if (channel.latest !== null) this.put(channel.id, channel.latest);
  }

  hear(news: readonly News[]): void {
    for (const item of news) this.put(item.channel_id, item);
  }

  /** What a channel was last known to say; null when it never said anything. */
  of(channel: Channel): Known | null {
    return this.known.get(channel.id) ?? null;
  }

  /** `elapsedMs` is the moment to judge for: reading it from the ticker makes the judgement tick. */
  judge(channel: Channel, elapsedMs: number): Judgement {
    return judge(this.of(channel), channel.interval_s, elapsedMs, this.clock.nowMs());
  }

  clear(): void {
    this.known.clear();
  }

  private put(id: string, latest: Latest): void {
    this.clock.hintFromSample(latest.time, latest.age_s);
    const known = this.known.get(id);
    if (!supersedes(latest, known)) return;
    const { time, value, quality, reason, age_s } = latest;
    this.known.set(id, { time, value, quality, reason, age_s, learntMs: this.elapsed.ms() });
  }
}
