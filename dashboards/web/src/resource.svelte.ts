/** Something asked from the server, asked again from time to time; a failure keeps what was there before. */
import type { Elapsed } from "./time/elapsed";

export class Resource<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  /** `Elapsed.ms()` when the value came. */
  loadedMs = $state<number | null>(null);
  private asked = 0;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly elapsed: Elapsed,
  ) {}

  /** The last one asked wins, whichever answer comes last. */
  async load(): Promise<void> {
    const mine = ++this.asked;
    try {
      const value = await this.ask();
      if (mine !== this.asked) return;
      this.value = value;
      this.error = null;
      this.loadedMs = this.elapsed.ms();
    } catch (error) {
      if (mine === this.asked) this.error = error;
    }
  }
}
