/** Wall-clock time at a site. Everything is stored in UTC; people there live by the zone's own clock. */

const HOUR_MS = 3_600_000;

export interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
}

export class Zone {
  readonly name: string;
  private readonly fields: Intl.DateTimeFormat;
  private readonly formats = new Map<string, Intl.DateTimeFormat>();

  /** A zone that this browser does not know is shown in UTC, and `name` says so. */
  constructor(name: string) {
    this.name = isKnown(name) ? name : "UTC";
    this.fields = new Intl.DateTimeFormat("en-GB", {
      timeZone: this.name,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  }

  localTime(epochMs: number): LocalTime {
    const { year, month, day, hour, minute } = this.parts(epochMs);
    return { year: year!, month: month!, day: day!, hour: hour!, minute: minute! };
  }

  /** What the zone's clock shows less UTC at that instant, in milliseconds. */
  offsetMs(epochMs: number): number {
    const { year, month, day, hour, minute, second } = this.parts(epochMs);
    const shown = Date.UTC(year!, month! - 1, day, hour, minute, second);
    return shown - Math.floor(epochMs / 1000) * 1000;
  }

  /** The instant at which the zone's clock shows this; where the clock skips it, the first instant after. */
  instant(year: number, month: number, day: number, hour = 0, minute = 0): number {
    const shown = Date.UTC(year, month - 1, day, hour, minute);
    const before = shown - this.offsetMs(shown - 12 * HOUR_MS);
    const after = shown - this.offsetMs(shown + 12 * HOUR_MS);
    const fits = [before, after].filter((at) => at + this.offsetMs(at) === shown);
    return fits.length > 0 ? Math.min(...fits) : Math.max(before, after);
  }

  /** `14:05` */
  clock(epochMs: number): string {
    return this.format({ hour: "2-digit", minute: "2-digit" }, epochMs);
  }

  /** `Fri 21 Nov, 14:05` */
  moment(epochMs: number): string {
    return this.format(
      { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
      epochMs,
    );
  }

  /** `Fri 21` */
  weekday(epochMs: number): string {
    return this.format({ weekday: "short", day: "numeric" }, epochMs);
  }

  /** `21 Nov` */
  date(epochMs: number): string {
    return this.format({ day: "numeric", month: "short" }, epochMs);
  }

  private format(options: Intl.DateTimeFormatOptions, epochMs: number): string {
    const key = JSON.stringify(options);
    let format = this.formats.get(key);
    if (format === undefined) {
      format = new Intl.DateTimeFormat("en-GB", { ...options, hourCycle: "h23", timeZone: this.name });
      this.formats.set(key, format);
    }
    return format.format(epochMs);
  }

  private parts(epochMs: number): Record<string, number> {
    return Object.fromEntries(this.fields.formatToParts(epochMs).map((part) => [part.type, Number(part.value)]));
  }
}

function isKnown(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
