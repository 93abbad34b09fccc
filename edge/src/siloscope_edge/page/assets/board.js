/** What is on the page: tiles, troubles, buses with their devices. Told what the agent answered, it shows it as old as it is. */
import { Card } from "./card.js";
import { made, write } from "./elements.js";
import { ageOf, sizeOf, timeOf } from "./shown.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("./documents.js").Status} Status */
/** @typedef {import("./documents.js").Values} Values */
/** @typedef {import("./documents.js").History} History */
/** @typedef {import("./documents.js").Device} Device */

/** The device under which the agent publishes its own vitals. */
export const AGENT = "agent";
const CLOCKS_MAY_DIFFER_S = 5;
const UNCONFIRMED_FOR_LONG_S = 300;

export class Board {
  /**
   * @param {HTMLElement} devices
   * @param {HTMLElement} tiles
   * @param {HTMLElement} troubles
   * @param {() => void} onToggle
   */
  constructor(devices, tiles, troubles, onToggle) {
    this.places = { devices, tiles, troubles };
    this.onToggle = onToggle;
    /** @type {Map<string, Card>} */
    this.cards = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.heads = new Map();
    this.shape = "";
    /** @type {Status | null} */
    this.status = null;
    this.learnt = 0;
    this.clocksDifferS = 0;
  }

  /**
   * @param {Status} status
   * @param {number} learnt
   * @param {Language} language
   * @param {boolean} open whether cards of new devices are open
   */
  take(status, learnt, language, open) {
    this.status = status;
    this.learnt = learnt;
    const agents = status.clock.now ?? status.clock.wall;
    this.clocksDifferS = Math.abs(Date.parse(agents) - Date.now()) / 1000;
    const shape = JSON.stringify(
      status.buses.map((bus) => [
        bus.name,
        bus.devices.map((each) => each.name),
      ]),
    );
    if (shape !== this.shape) this.build(status, language, open);
    this.shape = shape;
    for (const bus of status.buses)
      for (const device of bus.devices)
        this.cards.get(device.name)?.takeDevice(device, learnt);
  }

  /** @param {Values} values @param {number} learnt */
  takeValues(values, learnt) {
    for (const each of values.devices)
      this.cards.get(each.device)?.takeValues(each, learnt);
  }

  /** @param {Status} status @param {Language} language @param {boolean} open */
  build(status, language, open) {
    const before = this.cards;
    this.cards = new Map();
    this.heads.clear();
    const sections = status.buses.map((bus) => {
      const head = made("div", "head");
      this.heads.set(bus.name, head);
      return this.section(
        head,
        bus.devices.map((each) => each.name),
        before,
        open,
      );
    });
    const head = made("div", "head");
    this.heads.set("", head);
    sections.push(this.section(head, [AGENT], before, open));
    this.places.devices.replaceChildren(...sections);
    this.rename(language);
  }

  /** @param {HTMLElement} head @param {string[]} names @param {Map<string, Card>} before @param {boolean} open */
  section(head, names, before, open) {
    const section = made("section", "bus");
    const cards = made("div", "cards");
    for (const name of names) {
      const card = before.get(name) ?? new Card(name, open, this.onToggle);
      this.cards.set(name, card);
      cards.append(card.element);
    }
    section.append(head, cards);
    return section;
  }

  /** Everything that was written in another language is written anew. @param {Language} language */
  rename(language) {
    for (const card of this.cards.values()) card.rename(language);
    for (const bus of this.status?.buses ?? []) {
      this.heads
        .get(bus.name)
        ?.replaceChildren(
          made("h2", "", bus.name),
          made("span", "soft", bus.line),
          made("span", "tag"),
        );
    }
    this.heads.get("")?.replaceChildren(made("h2", "", say(language, "agent")));
  }

  /** @param {number} now @param {boolean} gone whether the agent does not answer: then only ages go on @param {Language} language */
  show(now, gone, language) {
    const { status } = this;
    if (status === null) return;
    const known = gone ? this.learnt : now;
    const passedS = (known - this.learnt) / 1000;
    for (const bus of status.buses) {
      const tag = this.heads.get(bus.name)?.querySelector(".tag");
      if (!tag) continue;
      tag.className = bus.open ? "tag good" : "tag bad";
      write(tag, say(language, bus.open ? "port_open" : "port_closed"));
    }
    for (const card of this.cards.values()) card.show(now, language);
    this.showTiles(status, passedS, language);
    this.showTroubles(
      this.troubles(status, passedS, known, language),
      language,
    );
  }

  /** @param {Status} status @param {number} passedS @param {Language} language */
  showTiles({ link, spool, clock, buses }, passedS, language) {
    const t = (
      /** @type {string} */ key,
      /** @type {Record<string, string | number>} */ filled = {},
    ) => say(language, key, filled);
    const age = (/** @type {number} */ s) => ageOf(s + passedS, language);
    const all = buses.flatMap((bus) => bus.devices);
    const answering = all.filter((each) => each.state === "answers").length;
    const open = buses.filter((bus) => bus.open).length;
    const lost = spool.evicted_packs + spool.dropped_samples;
    const owed = spool.owed_packs + spool.undated_packs;
    const stamps = {
      known: clock.synchronised ? "clock_right" : "clock_holdover",
      waiting: "clock_waiting",
      provisional: "clock_provisional",
    };
    const shownAt = new Date(
      Date.parse(clock.now ?? clock.wall) + 1000 * passedS,
    );
    this.places.tiles.replaceChildren(
      tile(
        t("link"),
        t(link.up ? "link_up" : "link_down", { age: age(link.since_s) }),
        link.up ? "good" : "bad",
        [
          link.broker,
          link.confirmed_s === null
            ? t("unconfirmed")
            : t("confirmed", { age: age(link.confirmed_s) }),
        ],
      ),
      tile(
        t("spool"),
        owed === 0 ? t("spool_empty") : t("spool_owed", { n: owed }),
        spool.trouble !== null || lost > 0 ? "bad" : "good",
        [
          spool.oldest_age_s !== null && owed > 0
            ? t("oldest", { age: age(spool.oldest_age_s) })
            : "",
          spool.used_bytes === null
            ? ""
            : t("spool_used", {
                used: sizeOf(spool.used_bytes, language),
                most: sizeOf(spool.max_bytes, language),
              }),
          lost > 0 ? t("losses", { n: lost }) : t("no_losses"),
        ],
      ),
      tile(
        t("clock"),
        t(stamps[clock.dates]),
        clock.dates === "known" && clock.synchronised ? "good" : "warn",
        [
          t("clock_says", { time: timeOf(shownAt, language, true) }),
          spool.undated_packs > 0
            ? t("undated", { n: spool.undated_packs })
            : "",
          clock.drift_ppm === 0 ? "" : t("drift", { n: clock.drift_ppm }),
        ],
      ),
      tile(
        t("devices"),
        all.length === 0
          ? t("no_devices")
          : t(answering === all.length ? "devices_all" : "devices_answer", {
              n: answering,
              all: all.length,
            }),
        answering === all.length ? "good" : "bad",
        [t("buses_open", { n: open, all: buses.length })],
      ),
    );
  }

  /**
   * What is wrong, the worst first.
   * @param {Status} status
   * @param {number} passedS
   * @param {number} now
   * @param {Language} language
   * @returns {{ grade: "bad" | "warn", text: string }[]}
   */
  troubles(status, passedS, now, language) {
    /** @type {{ grade: "bad" | "warn", text: string }[]} */
    const found = [];
    const age = (/** @type {number} */ s) => ageOf(s, language);
    const bad = (
      /** @type {string} */ key,
      /** @type {Record<string, string | number>} */ filled = {},
    ) => found.push({ grade: "bad", text: say(language, key, filled) });
    const warn = (
      /** @type {string} */ key,
      /** @type {Record<string, string | number>} */ filled = {},
    ) => found.push({ grade: "warn", text: say(language, key, filled) });
    const { spool, link, clock } = status;
    if (spool.trouble !== null) bad("trouble_spool", { detail: spool.trouble });
    if (spool.evicted_packs > 0)
      bad("trouble_evicted", { n: spool.evicted_packs });
    if (spool.dropped_samples > 0)
      bad("trouble_dropped", { n: spool.dropped_samples });
    for (const bus of status.buses) {
      if (!bus.open && bus.detail !== "")
        bad("trouble_port", { bus: bus.name, detail: bus.detail });
      else
        for (const device of bus.devices)
          this.deviceTrouble(device, passedS, age, bad, warn);
    }
    if (!link.up)
      bad("trouble_link", {
        age: age(link.since_s + passedS),
        detail: link.detail,
      });
    else if ((link.confirmed_s ?? link.since_s) > UNCONFIRMED_FOR_LONG_S)
      warn("trouble_unconfirmed", {
        age: age((link.confirmed_s ?? link.since_s) + passedS),
      });
    if (clock.dates !== "known") warn(`trouble_clock_${clock.dates}`);
    else if (!clock.synchronised) warn("trouble_clock_holdover");
    if (this.clocksDifferS > CLOCKS_MAY_DIFFER_S && clock.now !== null)
      warn("trouble_phone_clock", { age: age(this.clocksDifferS) });
    if (spool.thinned_packs > 0)
      warn("trouble_thinned", { n: spool.thinned_packs });
    for (const card of this.cards.values()) {
      const text = card.trouble(now, language);
      if (text !== null) found.push({ grade: "warn", text });
    }
    return found;
  }

  /**
   * @param {Device} device
   * @param {number} passedS
   * @param {(s: number) => string} age
   * @param {(key: string, filled: Record<string, string>) => void} bad
   * @param {(key: string, filled: Record<string, string>) => void} warn
   */
  deviceTrouble(device, passedS, age, bad, warn) {
    const name = device.title;
    const restsS = (device.rests_s ?? 0) - passedS;
    if (device.state === "silent" && restsS > 0)
      bad("trouble_rests", { device: name, age: age(restsS) });
    else if (device.state === "silent") bad("trouble_silent", { device: name });
    else if (device.state === "refuses")
      bad("trouble_refuses", { device: name, detail: device.detail });
    else if (device.state === "missed")
      warn("trouble_missed", { device: name });
  }

  /** @param {{ grade: "bad" | "warn", text: string }[]} found @param {Language} language */
  showTroubles(found, language) {
    /** @type {{ grade: string, text: string }[]} */
    const shown =
      found.length > 0
        ? found
        : [{ grade: "good", text: say(language, "all_well") }];
    const { troubles } = this.places;
    while (troubles.children.length > shown.length)
      troubles.lastElementChild?.remove();
    shown.forEach(({ grade, text }, at) => {
      const line =
        troubles.children[at] ??
        troubles.appendChild(document.createElement("p"));
      if (line.className !== grade) line.className = grade;
      write(line, text);
    });
  }

  openDevices() {
    return [...this.cards.values()]
      .filter((card) => card.isOpen)
      .map((card) => card.name);
  }

  /** Devices whose small charts can be seen. */
  visibleDevices() {
    return [...this.cards.values()]
      .filter((card) => card.isOpen && card.isVisible && card.hasHistory)
      .map((card) => card.name);
  }

  openCharts() {
    return [...this.cards.values()].flatMap((card) =>
      card.openCharts().map((channel) => ({ device: card.name, channel })),
    );
  }

  /** @param {History} history @param {string} device @param {string | null} channel @param {Language} language */
  draw(history, device, channel, language) {
    this.cards.get(device)?.draw(history, channel, language);
  }

  /** @param {string} device @param {string | null} channel @param {Language} language */
  drawNothing(device, channel, language) {
    if (channel === null) return;
    const chart = this.cards.get(device)?.row(channel)?.chart;
    if (chart?.hasPicture === false) chart.say(say(language, "chart_failed"));
  }
}

/** @param {string} name @param {string} word @param {string} grade @param {string[]} lines */
function tile(name, word, grade, lines) {
  const found = made("div", `card tile ${grade}`);
  found.append(made("h2", "", name), made("strong", "", word));
  for (const line of lines.filter((each) => each !== ""))
    found.append(made("p", "soft", line));
  return found;
}
