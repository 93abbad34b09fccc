/** Whether the server can be reached, for the banner: what was last heard, and when the next try comes. */
import type { Elapsed } from "../time/elapsed";

export type LinkState = "connecting" | "up" | "lost";

export class Link {
  state = $state<LinkState>("connecting");
  /** `Elapsed.ms()` of the last sign of life; null before the first. */
  heardMs = $state<number | null>(null);
  retryAtMs = $state<number | null>(null);

  constructor(private readonly elapsed: Elapsed) {}

  heard(): void {
    this.heardMs = this.elapsed.ms();
    this.retryAtMs = null;
    this.state = "up";
  }

  lost(retryInS: number | null = null): void {
    this.state = "lost";
    this.retryAtMs = retryInS === null ? this.retryAtMs : this.elapsed.ms() + retryInS * 1000;
  }
}
