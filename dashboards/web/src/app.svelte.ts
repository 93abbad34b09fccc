/** Wires the page together: one session, one link, one board of readings, whatever page is shown. */
import { createContext } from "svelte";
import { OpenCount } from "./alerts/open-count.svelte";
import { BrowserStorage, overAllTabs } from "./api/browser-storage";
import { Client, tokenCalls } from "./api/client";
import { Session } from "./api/session";
import { Transport } from "./api/transport";
import { SignedOut } from "./errors";
import { Feed } from "./live/feed";
import { Link } from "./live/link.svelte";
import { Board } from "./readings/board.svelte";
import { Router } from "./router.svelte";
import { browserInstruments, Elapsed } from "./time/elapsed";
import { ServerClock } from "./time/server-clock";
import { Ticker } from "./time/ticker.svelte";

export const [useApp, provideApp] = createContext<App>();

export class App {
  readonly elapsed = new Elapsed(browserInstruments);
  readonly clock = new ServerClock(this.elapsed);
  readonly ticker = new Ticker(this.elapsed);
  readonly link = new Link(this.elapsed);
  readonly board = new Board(this.elapsed, this.clock);
  readonly router = new Router();
  readonly session: Session;
  readonly client: Client;
  readonly alerts = new OpenCount(async () => (await this.client.alerts({ open: true, limit: 1 })).counts);

  signedIn = $state(false);
  /** Counts the times that everything on the page should be asked for again. */
  wakes = $state(0);
  private feed: Feed | null = null;

  constructor() {
    const storage = new BrowserStorage();
    const transport = new Transport("/api/v1", (input, init) => fetch(input, init), {
      answered: (serverMs) => this.answered(serverMs),
      unanswered: () => this.link.lost(),
    });
    this.session = new Session(tokenCalls(transport), storage, overAllTabs, () => Date.now());
    this.session.onEnd = () => this.leave();
    this.client = new Client(transport, this.session);
    this.signedIn = this.session.open;
    storage.onChange(() => (this.session.open ? (this.signedIn = true) : this.leave()));
  }

  start(): () => void {
    const stops = [this.ticker.start(), this.router.start(), this.listenToDevice()];
    return () => stops.forEach((stop) => stop());
  }

  async signIn(username: string, password: string, keep: boolean): Promise<void> {
    await this.session.begin(username, password, keep);
    this.signedIn = true;
  }

  async signOut(): Promise<void> {
    this.leave();
    await this.session.end();
  }

  /** Ask for everything again, now. */
  wake(): void {
    this.wakes += 1;
    this.feed?.retryNow();
  }

  /** Follow a place or a site live; `opened` runs whenever the stream has (re)opened. Gives back what stops it. */
  follow(query: { place_id: string } | { site_id: string }, opened: () => void): () => void {
    const feed = new Feed(
      (lastId, signal) => this.client.live(query, lastId, signal),
      {
        opened,
        heard: (news) => {
          this.link.heard();
          this.board.hear(news);
        },
        unreadable: (error) => console.warn("left out an event that cannot be read:", error),
        lost: (_, retryInS) => this.link.lost(retryInS),
        gaveUp: (error) => {
          if (!(error instanceof SignedOut)) this.link.lost();
        },
      },
      { after, random: Math.random },
    );
    this.feed = feed;
    feed.start();
    return () => {
      feed.stop();
      if (this.feed === feed) this.feed = null;
    };
  }

  private answered(serverMs: number | null): void {
    this.link.heard();
    if (serverMs !== null) this.clock.hint(serverMs);
  }

  private leave(): void {
    this.signedIn = false;
    this.board.clear();
    this.alerts.counts = null;
  }

  private listenToDevice(): () => void {
    const onVisible = () => {
      if (!document.hidden && this.elapsed.jumped()) {
        this.clock.forget();
        this.wake();
      }
    };
    const onOnline = () => this.wake();
    const onOffline = () => this.link.lost();
    document.addEventListener("visibilitychange", onVisible);
    window.addEventListener("online", onOnline);
    window.addEventListener("offline", onOffline);
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      window.removeEventListener("online", onOnline);
      window.removeEventListener("offline", onOffline);
    };
  }
}

function after(seconds: number, work: () => void): () => void {
  const timer = setTimeout(work, seconds * 1000);
  return () => clearTimeout(timer);
}

/** Runs now and then every so many seconds, but not while nobody looks. Gives back what stops it. */
export function every(seconds: number, work: () => void): () => void {
  work();
  const timer = setInterval(() => {
    if (!document.hidden) work();
  }, seconds * 1000);
  return () => clearInterval(timer);
}
