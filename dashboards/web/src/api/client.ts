/** The API's calls, typed. Each reading call carries the login's token and tries once more with a renewed one. */
import {
  type AlertDetail,
  alertDetail,
  type Alerts,
  alerts,
  type Facts,
  type NewSilence,
  type Rule,
  rule,
  type RuleChecked,
  ruleChecked,
  ruleText,
  type Silence,
  silence,
} from "../alerts/entities";
import { Refused, Unreachable } from "../errors";
import { type Going, type Loss, loss, plan, type Policies, policies, type Policy } from "../keeping/entities";
import { listOf, type Reader, shape } from "./boundary";
import {
  type Channel,
  channel,
  completeness,
  type CompletenessItem,
  type Conflict,
  conflict,
  type Gap,
  gap,
  type Me,
  me,
  type NodeLedger,
  nodeLedger,
  type Page,
  pageOf,
  type Place,
  place,
  placeWithChannels,
  type Quarantine,
  quarantine,
  type Series,
  series,
  type Site,
  site,
  tokens,
} from "./entities";
import type { Session, TokenCalls } from "./session";
import type { Transport } from "./transport";

type Query = Record<string, string | number | boolean | null | undefined>;

/** Which alerts; what is left out is any. */
export interface AlertQuery {
  open?: boolean;
  severity?: string;
  site_id?: string;
  place_id?: string;
  rule?: string;
  limit: number;
  cursor?: string | null;
}

/** What somebody does about an alert, and what it takes. */
export type Deed =
  | { kind: "acknowledge" | "unacknowledge" | "unsnooze" | "comment"; comment: string }
  | { kind: "assign"; to: string | null }
  | { kind: "snooze"; until: string; comment: string };

/** What a file shall hold; times in epoch milliseconds. */
export interface FileQuery {
  place_id?: string;
  channel_id?: string;
  from: number;
  to: number;
  level: Series["level"];
}

export interface NamedFile {
  name: string;
  content: Blob;
  /** What is older is no longer kept and not in the file, in epoch milliseconds; null where all is in it. */
  letGoBeforeMs: number | null;
}

export interface PlaceDetail extends Omit<Place, "channels"> {
  channels: Channel[];
}

/** The latest `before` of a header such as `measurements;before="2026-01-31T06:00:00Z";sites=2`. */
export function letGoBefore(header: string): number | null {
  const times = [...header.matchAll(/;before="([^"]+)"/g)].map((found) => Date.parse(found[1]!));
  return times.length === 0 ? null : Math.max(...times);
}

export function tokenCalls(transport: Transport): TokenCalls {
  const post = (path: string, body: unknown, token: string | null = null) =>
    transport.json(path, { method: "POST", body, token });
  return {
    token: async (username, password) => tokens(await post("/auth/token", { username, password }), "token"),
    refresh: async (refresh_token) => tokens(await post("/auth/refresh", { refresh_token }), "token"),
    logout: async (refresh_token, access) => void (await post("/auth/logout", { refresh_token }, access)),
  };
}

export class Client {
  constructor(
    private readonly transport: Transport,
    private readonly session: Session,
  ) {}

  me(): Promise<Me> {
    return this.get("/me", {}, me);
  }

  async sites(): Promise<Site[]> {
    return this.all("/sites", {}, site);
  }

  site(id: string): Promise<Site> {
    return this.get(`/sites/${encodeURIComponent(id)}`, {}, site);
  }

  places(siteId: string): Promise<Place[]> {
    return this.all("/places", { site_id: siteId }, place);
  }

  place(id: string): Promise<PlaceDetail> {
    return this.get(`/places/${encodeURIComponent(id)}`, {}, placeWithChannels);
  }

  channels(query: { site_id: string; search?: string; limit: number; cursor?: string | null }): Promise<Page<Channel>> {
    return this.get("/channels", query, pageOf(channel));
  }

  channel(id: string): Promise<Channel> {
    return this.get(`/channels/${encodeURIComponent(id)}`, {}, channel);
  }

  series(id: string, fromMs: number, toMs: number, points: number): Promise<Series> {
    const query = { from: Math.round(fromMs), to: Math.round(toMs), points };
    return this.get(`/channels/${encodeURIComponent(id)}/series`, query, series);
  }

  /** Every group of a site, with its days from one local date to another, included. */
  completeness(siteId: string, from: string, to: string): Promise<CompletenessItem[]> {
    return this.all("/completeness", { site_id: siteId, from, to, limit: 500 }, completeness);
  }

  /** The newest gaps of a site; the page says when there are more. */
  gaps(siteId: string, fromMs: number, toMs: number): Promise<Page<Gap>> {
    const query = { site_id: siteId, from: Math.round(fromMs), to: Math.round(toMs), limit: 500 };
    return this.get("/gaps", query, pageOf(gap));
  }

  conflicts(siteId: string, fromMs: number, toMs: number): Promise<Page<Conflict>> {
    const query = { site_id: siteId, from: Math.round(fromMs), to: Math.round(toMs), limit: 50 };
    return this.get("/conflicts", query, pageOf(conflict));
  }

  nodeLedger(id: string): Promise<NodeLedger> {
    return this.get(`/nodes/${encodeURIComponent(id)}/ledger`, {}, nodeLedger);
  }

  /** The newest refused messages; for administrators. */
  refused(): Promise<Quarantine> {
    return this.get("/quarantine", { limit: 100 }, quarantine);
  }

  /** Has a refused message tried again, or deletes it. */
  async settleRefused(what: "replay" | "discard", id: string): Promise<void> {
    await this.post(`/quarantine/${what}`, { ids: [Number(id)] });
  }

  /** How long what is kept; for administrators, as all about it. */
  policies(): Promise<Policies> {
    return this.get("/retention", {}, policies);
  }

  /** What would go if a level were kept so long; changes nothing. */
  async going(query: { retention_class: string; level: string; keep: string }): Promise<Going[]> {
    return (await this.get("/retention/plan", query, plan)).items;
  }

  /** Keeps a level so long from now on; refused where somebody else has set it since it was fetched. */
  async keep({ retention_class, level, version }: Policy, keep: string): Promise<void> {
    const body = { keep, expected_version: version };
    const path = `/retention/${retention_class}/${level}`;
    await this.withToken((token) => this.transport.json(path, { method: "PUT", body, token }));
  }

  /** Says whether single readings go only with a file; refused where somebody else has switched it since. */
  async requireArchive(required: boolean, expected: boolean): Promise<void> {
    const body = { required, expected };
    await this.withToken((token) => this.transport.json("/retention/archive", { method: "PUT", body, token }));
  }

  /** What has gone, newest first; the page says when there are more. */
  losses(): Promise<Page<Loss>> {
    return this.get("/retention/history", { limit: 20 }, pageOf(loss));
  }

  /** Alerts, newest first, and how many are open in all. */
  alerts(query: AlertQuery): Promise<Alerts> {
    return this.get("/alerts", { ...query }, alerts);
  }

  alert(id: string): Promise<AlertDetail> {
    return this.get(`/alerts/${encodeURIComponent(id)}`, {}, alertDetail);
  }

  async actOnAlert(id: string, { kind, ...body }: Deed): Promise<void> {
    await this.post(`/alerts/${encodeURIComponent(id)}/${kind}`, body);
  }

  async rules(): Promise<Rule[]> {
    return (await this.get("/rules", {}, shape({ items: listOf(rule) }))).items;
  }

  /** A rule as people write it: YAML, without what the defaults say. */
  async ruleText(slug: string): Promise<string> {
    return (await this.get(`/rules/${encodeURIComponent(slug)}/yaml`, {}, ruleText)).yaml;
  }

  /** What a rule would be and watch; refused with its faults where it cannot be meant. */
  async checkRule(yaml: string): Promise<RuleChecked> {
    return ruleChecked(await this.post("/rules/check", { yaml }), "/rules/check");
  }

  /** Makes a text, or a document, the rule of that name. */
  async saveRule(slug: string, given: { yaml: string } | Facts): Promise<void> {
    const path = `/rules/${encodeURIComponent(slug)}`;
    await this.withToken((token) => this.transport.json(path, { method: "PUT", body: given, token }));
  }

  /** Newest first; the page says when there are more. */
  silences(): Promise<Page<Silence>> {
    return this.get("/silences", { limit: 200 }, pageOf(silence));
  }

  async addSilence(order: NewSilence): Promise<void> {
    await this.post("/silences", order);
  }

  async endSilence(id: string): Promise<void> {
    await this.post(`/silences/${encodeURIComponent(id)}/end`, {});
  }

  /** The open event stream of a place or a site. */
  live(query: { place_id?: string; site_id?: string }, lastId: string | null, signal: AbortSignal): Promise<Response> {
    const headers = { Accept: "text/event-stream", ...(lastId ? { "Last-Event-ID": lastId } : {}) };
    return this.withToken((token) => this.transport.open("/live" + search(query), { token, headers, signal }));
  }

  /** A file of readings or roll-ups, whole. */
  async file(query: FileQuery): Promise<NamedFile> {
    const headers = { Accept: "text/csv" };
    const response = await this.withToken((token) =>
      this.transport.open("/export" + search({ ...query }), { token, headers }),
    );
    const named = /filename="([^"/\\]+)"/.exec(response.headers.get("Content-Disposition") ?? "");
    try {
      return {
        name: named?.[1] ?? "siloscope.csv",
        content: await response.blob(),
        letGoBeforeMs: letGoBefore(response.headers.get("Siloscope-Let-Go") ?? ""),
      };
    } catch (error) {
      throw new Unreachable(String(error)); // it broke off: half a file is none
    }
  }

  private async get<T>(path: string, query: Query, read: Reader<T>): Promise<T> {
    const answer = await this.withToken((token) => this.transport.json(path + search(query), { token }));
    return read(answer, path);
  }

  private post(path: string, body: unknown): Promise<unknown> {
    return this.withToken((token) => this.transport.json(path, { method: "POST", body, token }));
  }

  private async all<T>(path: string, query: Query, read: Reader<T>): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const page: Page<T> = await this.get(path, { ...query, cursor }, pageOf(read));
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items;
  }

  private async withToken<T>(call: (token: string) => Promise<T>): Promise<T> {
    const token = await this.session.accessToken();
    try {
      return await call(token);
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 401) throw error;
      return call(await this.session.accessToken(token));
    }
  }
}

function search(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return text === "" ? "" : `?${text}`;
}
