/** Reads a `text/event-stream` as the HTML standard defines it, from chunks that end anywhere. */

export interface ServerEvent {
  event: string;
  data: string;
  id: string;
}

export class EventStreamParser {
  private rest = "";
  private event = "";
  private data: string[] = [];
  private id = "";
  private started = false;

  /** The events that this chunk completes. Comments (lines that begin with a colon) complete nothing. */
  push(chunk: string): ServerEvent[] {
    this.rest += this.started ? chunk : chunk.replace(/^\uFEFF/, "");
    this.started ||= chunk !== "";
    const events: ServerEvent[] = [];
    for (let line = this.takeLine(); line !== null; line = this.takeLine()) {
      const event = this.readLine(line);
      if (event !== null) events.push(event);
    }
    return events;
  }

  private takeLine(): string | null {
    const end = this.rest.search(/[\r\n]/);
    if (end < 0) return null;
    const isReturn = this.rest[end] === "\r";
    // A return at the very end may be half of a CRLF: wait for what follows it.
    if (isReturn && end === this.rest.length - 1) return null;
    const line = this.rest.slice(0, end);
    this.rest = this.rest.slice(isReturn && this.rest[end + 1] === "\n" ? end + 2 : end + 1);
    return line;
  }

  private readLine(line: string): ServerEvent | null {
    if (line === "") return this.complete();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }

  private complete(): ServerEvent | null {
    const event = { event: this.event || "message", data: this.data.join("\n"), id: this.id };
    const empty = this.data.length === 0;
    this.event = "";
    this.data = [];
    return empty ? null : event;
  }
}
