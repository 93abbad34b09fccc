/** One device: how its line is, its channels with their last values, and their charts. */
import {
  drawing,
  failedAt,
  failures,
  joined,
  rangeOf,
  runsOf,
} from "./chart.js";
import { made, write } from "./elements.js";
import { LargeChart } from "./large_chart.js";
import { ageOf, shortTimeOf, valueOf } from "./shown.js";
import { stateOf } from "./state.js";
import { say } from "./words.js";

/** @typedef {import("./words.js").Language} Language */
/** @typedef {import("./documents.js").Device} Device */
/** @typedef {import("./documents.js").DeviceValues} DeviceValues */
/** @typedef {import("./documents.js").ChannelValue} ChannelValue */
/** @typedef {import("./documents.js").History} History */
/** @typedef {import("./state.js").State} State */

const SPARK = { left: 1, top: 2, width: 82, height: 28 };
const GRADES = {
  answers: "good",
  new: "stale",
  missed: "warn",
  refuses: "bad",
  silent: "bad",
  port_closed: "bad",
};
const CIRCULAR = "wind_direction";

export class Card {
  /** @param {string} name @param {boolean} open @param {() => void} onToggle */
  constructor(name, open, onToggle) {
    this.name = name;
    this.onToggle = onToggle;
    /** @type {Device | null} */
    this.device = null;
    /** @type {DeviceValues | null} */
    this.values = null;
    this.learnt = { device: 0, values: 0 };
    this.shape = "";
    /** @type {Map<string, Row>} */
    this.rows = new Map();
    this.isVisible = false;
    this.element = /** @type {HTMLDetailsElement} */ (
      made("details", "card device")
    );
    this.element.open = open;
    const summary = made("summary", "");
    this.title = made("h3", "", name);
    this.tag = made("span", "tag");
    this.line = made("p", "soft");
    this.troublesLine = made("p", "soft");
    summary.append(this.title, this.tag, this.line, this.troublesLine);
    this.list = made("ul", "channels");
    this.element.append(summary, this.list);
    this.element.addEventListener("toggle", onToggle);
    new IntersectionObserver((seen) => {
      this.isVisible = seen.some((each) => each.isIntersecting);
      if (this.isVisible) onToggle();
    }).observe(this.element);
  }

  get isOpen() {
    return this.element.open;
  }

  get hasHistory() {
    return this.values?.history === true;
  }

  /** @param {Device} device @param {number} learnt */
  takeDevice(device, learnt) {
    this.device = device;
    this.learnt.device = learnt;
  }

  /** @param {DeviceValues} values @param {number} learnt */
  takeValues(values, learnt) {
    this.values = values;
    this.learnt.values = learnt;
    const shape = values.channels.map((each) => each.key).join(" ");
    if (shape === this.shape) return;
    this.shape = shape;
    this.rows = new Map(
      values.channels.map((each) => [each.key, new Row(this.onToggle)]),
    );
    this.list.replaceChildren(
      ...[...this.rows.values()].map((row) => row.element),
    );
  }

  /** @param {string} channel */
  row(channel) {
    return this.rows.get(channel);
  }

  openCharts() {
    return this.isOpen && this.hasHistory
      ? [...this.rows].filter(([, row]) => row.isOpen).map(([key]) => key)
      : [];
  }

  /** @param {Language} language */
  rename(language) {
    for (const row of this.rows.values())
      row.chart.say(say(language, "chart_loading"));
  }

  /** @param {number} now @param {Language} language */
  show(now, language) {
    const { device, values } = this;
    write(
      this.title,
      device?.title ?? (values === null ? this.name : say(language, "vitals")),
    );
    this.tag.hidden = device === null;
    this.troublesLine.hidden =
      device === null || this.troubleWords(device, language) === "";
    if (device !== null) {
      this.tag.className = `tag ${GRADES[device.state]}`;
      write(this.tag, say(language, device.state));
      write(
        this.line,
        this.lineWords(device, (now - this.learnt.device) / 1000, language),
      );
      write(this.troublesLine, this.troubleWords(device, language));
    }
    this.line.hidden = device === null;
    if (values === null) return;
    const passedS = (now - this.learnt.values) / 1000;
    const ageS = values.age_s === null ? null : values.age_s + passedS;
    for (const channel of values.channels) {
      const title = this.title_(channel, language);
      this.rows
        .get(channel.key)
        ?.show(
          channel,
          title,
          ageS,
          passedS,
          values.stale_after_s,
          values.history,
          language,
        );
    }
  }

  /** @param {ChannelValue} channel @param {Language} language */
  title_(channel, language) {
    if (this.device !== null) return channel.title;
    const word = say(language, `vital_${channel.key}`);
    return word === channel.key.replaceAll("_", " ") ? channel.title : word;
  }

  /** @param {Device} device @param {number} passedS @param {Language} language */
  lineWords(device, passedS, language) {
    const short = (/** @type {number} */ s) => shortTimeOf(s, language);
    const words = [
      device.name,
      device.where,
      say(language, "every", { age: ageOf(device.period_s, language) }),
    ];
    if (device.age_s === null) words.push(say(language, "never"));
    if (device.answer_s !== null && device.state === "answers") {
      words.push(
        say(language, "answer_time", {
          mean: short(device.answer_s.mean),
          longest: short(device.answer_s.longest),
        }),
      );
    }
    if (device.failures > 0)
      words.push(say(language, "failed_in_a_row", { n: device.failures }));
    const restsS = (device.rests_s ?? 0) - passedS;
    if (restsS > 0)
      words.push(
        say(language, "tried_again", { age: ageOf(restsS, language) }),
      );
    return words.join(" · ");
  }

  /** @param {Device} device @param {Language} language */
  troubleWords(device, language) {
    const words = Object.entries(device.troubles).map(
      ([kind, count]) => `${count} × ${say(language, `kind_${kind}`)}`,
    );
    if (device.detail !== "") words.push(device.detail);
    return words.join(" · ");
  }

  /** What is wrong with values of a device that answers. @param {number} now @param {Language} language @returns {string | null} */
  trouble(now, language) {
    const { device, values } = this;
    if (values === null || (device !== null && device.state !== "answers"))
      return null;
    const ageS =
      values.age_s === null
        ? 0
        : values.age_s + (now - this.learnt.values) / 1000;
    const name = device?.title ?? say(language, "agent");
    if (ageS > values.stale_after_s)
      return say(language, "trouble_stale", {
        device: name,
        age: ageOf(ageS, language),
      });
    const failed = values.channels.filter((each) => each.quality === "bad");
    const reasons = [
      ...new Set(failed.map((each) => say(language, `reason_${each.reason}`))),
    ].join(", ");
    if (failed.length === 0) return null;
    return say(language, "trouble_values", {
      device: name,
      n: failed.length,
      all: values.channels.length,
      reason: reasons,
    });
  }

  /** @param {History} history @param {string | null} channel one that is drawn large @param {Language} language */
  draw(history, channel, language) {
    const { values } = this;
    if (values === null) return;
    const most = Math.ceil(values.stale_after_s / history.step_s);
    for (const curve of history.channels) {
      const row = this.rows.get(curve.key);
      const about = values.channels.find((each) => each.key === curve.key);
      if (row === undefined || about === undefined) continue;
      const circular = about.quantity === CIRCULAR;
      const runs = joined(runsOf(curve.mean), most, (at) =>
        failedAt(curve, at),
      );
      const range = rangeOf(curve, circular, about.resolution);
      if (channel !== null) {
        const agoS = history.instant_s - history.from_s;
        row.chart.draw(curve, runs, range, {
          stepS: history.step_s,
          agoS,
          circular,
          about,
          language,
          title: this.title_(about, language),
        });
      } else {
        const parts =
          range === null ? [] : drawing(curve, runs, range, SPARK, circular);
        row.spark.replaceChildren(...parts, failures(curve, SPARK));
      }
    }
  }
}

class Row {
  /** @param {() => void} onToggle */
  constructor(onToggle) {
    this.element = made("li", "never");
    this.button = made("button", "row");
    this.button.setAttribute("type", "button");
    this.button.setAttribute("aria-expanded", "false");
    this.title = made("span", "title");
    this.meta = made("span", "meta");
    this.age = document.createTextNode("");
    this.tag = made("span", "tag");
    this.meta.append(this.age, " ", this.tag);
    this.value = made("span", "value");
    this.spark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    this.spark.setAttribute("viewBox", "0 0 84 32");
    this.spark.setAttribute("aria-hidden", "true");
    this.chart = new LargeChart();
    this.chart.element.hidden = true;
    this.button.append(this.title, this.meta, this.spark, this.value);
    this.element.append(this.button, this.chart.element);
    this.button.addEventListener("click", () => {
      this.chart.element.hidden = !this.chart.element.hidden;
      this.button.setAttribute(
        "aria-expanded",
        String(!this.chart.element.hidden),
      );
      onToggle();
    });
  }

  get isOpen() {
    return !this.chart.element.hidden;
  }

  /**
   * @param {ChannelValue} channel
   * @param {string} title
   * @param {number | null} ageS
   * @param {number} passedS
   * @param {number} staleAfterS
   * @param {boolean} charted
   * @param {Language} language
   */
  show(channel, title, ageS, passedS, staleAfterS, charted, language) {
    const t = (
      /** @type {string} */ key,
      /** @type {Record<string, string>} */ filled = {},
    ) => say(language, key, filled);
    const value = (/** @type {number} */ each) =>
      valueOf(each, channel.unit, channel.resolution, language);
    const state = stateOf(channel, ageS, staleAfterS);
    if (this.element.className !== state) this.element.className = state;
    write(this.title, title);
    write(
      this.value,
      channel.value === null || ageS === null ? "—" : value(channel.value),
    );
    const words = [
      ageS === null ? t("never") : t("ago", { age: ageOf(ageS, language) }),
    ];
    if (channel.last_good !== null) {
      words.push(
        t("last_good", {
          value: value(channel.last_good.value),
          age: ageOf(channel.last_good.age_s + passedS, language),
        }),
      );
    }
    const text = words.join(" · ");
    if (this.age.data !== text) this.age.data = text;
    const [grade, word] = tagOf(channel, state, t);
    this.tag.hidden = word === "";
    this.tag.className = `tag ${grade}`;
    write(this.tag, word);
    if (!charted && this.isOpen) this.chart.say(t("chart_none"));
    else if (this.chart.isEmpty) this.chart.say(t("chart_loading"));
  }
}

/** @param {ChannelValue} channel @param {State} state @param {(key: string) => string} t @returns {[string, string]} */
function tagOf(channel, state, t) {
  if (state === "stale") return ["stale", t("stale")];
  if (state === "bad") return ["bad", t(`reason_${channel.reason ?? "bad"}`)];
  if (state === "live" && channel.quality === "uncertain")
    return ["warn", t(`reason_${channel.reason ?? "uncertain"}`)];
  return ["", ""];
}
