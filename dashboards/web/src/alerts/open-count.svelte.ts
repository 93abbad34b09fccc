/** How many alerts are open, for the badge on every page; whoever was just told shares it. */
import type { AlertCounts } from "./entities";

export class OpenCount {
  counts = $state.raw<AlertCounts | null>(null);

  constructor(private readonly ask: () => Promise<AlertCounts>) {}

  async load(): Promise<void> {
    try {
      this.take(await this.ask());
    } catch {
      this.counts = null; // unknown is not zero: the badge goes, and the page itself says what is wrong
    }
  }

  take(counts: AlertCounts): void {
    this.counts = counts;
  }
}
