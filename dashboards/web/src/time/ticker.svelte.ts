/** Makes ages count on by themselves, once a second, while the page is looked at. */
import type { Elapsed } from "./elapsed";

export class Ticker {
  elapsedMs = $state(0);
  private timer: ReturnType<typeof setInterval> | null = null;

  constructor(private readonly elapsed: Elapsed) {}

  /** Gives back what stops it. */
  start(): () => void {
    this.tick();
    this.timer = setInterval(() => this.tick(), 1000);
    const onVisible = () => this.tick();
    document.addEventListener("visibilitychange", onVisible);
    return () => {
      if (this.timer !== null) clearInterval(this.timer);
      document.removeEventListener("visibilitychange", onVisible);
    };
  }

  private tick(): void {
    if (!document.hidden) this.elapsedMs = this.elapsed.ms();
  }
}
