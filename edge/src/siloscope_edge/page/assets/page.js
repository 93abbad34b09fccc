/** The page: asks the agent every few seconds, says when it does not answer, and lets what is shown grow old meanwhile. */
import { Board } from "./board.js";
import { ageOf, timeOf } from "./shown.js";
import { chooseLanguage, chosenLanguage, say } from "./words.js";

/** @typedef {import("./documents.js").Status} Status */
/** @typedef {import("./documents.js").Values} Values */
/** @typedef {import("./documents.js").History} History */

const ANSWER_WITHIN_MS = 6000;
const FEW_CHANNELS = 400;
const FIRST_REFRESH_S = 2;
const GONE_AFTER_S = 4;
const AT_ONCE = 30;
const SPARK_STEP_S = 600;
const SPARK_EVERY_MS = 60_000;
const CHART_EVERY_MS = 20_000;

let language = chosenLanguage();
/** @type {Status | null} */
let status = null;
let answered = now();
let answeredAt = new Date();
let asking = false;
let drawing = false;
/** @type {Map<string, number>} */
const drawn = new Map();
const board = new Board(
  part("devices"),
  part("tiles"),
  part("troubles"),
  onToggle,
);

/** Milliseconds that also count while the device sleeps, where its clock lets us. */
function now() {
  return Math.max(performance.now(), Date.now() - performance.timeOrigin);
}

/** @param {string} id */
function part(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`there is no ${id}`);
  return found;
}

/**
 * @template T
 * @param {string} path
 * @returns {Promise<T>}
 */
async function get(path) {
  const answer = await fetch(path, {
    signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
  });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function refresh() {
  if (asking) return;
  asking = true;
  try {
    const asked = now();
    /** @type {Status} */
    const found = await get("/status.json");
    const few = found.history.channels <= FEW_CHANNELS;
    board.take(found, asked, language, few);
    for (const path of paths(few))
      board.takeValues(/** @type {Values} */ (await get(path)), asked);
    status = found;
    answered = asked;
    answeredAt = new Date();
  } catch {
    // Said below, once it lasts.
  } finally {
    asking = false;
  }
  show();
}

/** @param {boolean} few whether the values of all devices are asked for @returns {string[]} */
function paths(few) {
  if (few) return ["/values.json"];
  const open = board.openDevices();
  const found = [];
  for (let at = 0; at < open.length; at += AT_ONCE)
    found.push(`/values.json?device=${open.slice(at, at + AT_ONCE).join(",")}`);
  return found;
}

function show() {
  const silentS = (now() - answered) / 1000;
  const gone = silentS > (status?.refresh_s ?? FIRST_REFRESH_S) + GONE_AFTER_S;
  document.body.classList.toggle("gone", gone);
  const fresh = part("fresh");
  fresh.hidden = gone || status === null;
  fresh.textContent = say(language, "live");
  fresh.className = "tag good";
  const word = part("gone");
  word.hidden = !gone;
  if (gone) {
    const filled = {
      age: ageOf(silentS, language),
      time: timeOf(answeredAt, language, true),
    };
    word.textContent =
      status === null
        ? say(language, "never_answered")
        : say(language, "gone", filled);
  }
  part("language").textContent = say(language, "other_language");
  document.documentElement.lang = language;
  if (status === null) return;
  const { node } = status;
  document.title = node.node;
  part("node").textContent = node.node;
  part("site").textContent = `${node.organisation} / ${node.site}`;
  board.show(now(), gone, language);
  footer(status);
}

/** @param {Status} found */
function footer(found) {
  const words = [
    say(language, "version", { version: found.node.version }),
    say(language, "read_only"),
  ];
  const { step_s: step, channels } = found.history;
  if (step === null) words.push(say(language, "charts_none"));
  else if (step > SPARK_STEP_S)
    words.push(
      say(language, "charts_coarse", {
        age: ageOf(step, language),
        n: channels,
      }),
    );
  const spans = words.map((text) =>
    Object.assign(document.createElement("span"), { textContent: text }),
  );
  const links = ["/status.json", "/values.json"].map((href) =>
    Object.assign(document.createElement("a"), { href, textContent: href }),
  );
  part("footer").replaceChildren(...spans, ...links);
}

/** One chart at a time: the agent has more to do. */
async function draw() {
  if (drawing || document.hidden) return;
  drawing = true;
  try {
    for (let next = due(); next !== undefined; next = due()) {
      const { path, device, channel } = next;
      drawn.set(path, now());
      try {
        const found = /** @type {History} */ (await get(path));
        board.draw(found, device, channel, language);
      } catch {
        board.drawNothing(device, channel, language);
      }
    }
  } finally {
    drawing = false;
  }
}

/** The chart that is drawn next: one that somebody opened comes before the small ones. */
function due() {
  for (const each of wanted()) {
    if (now() - (drawn.get(each.path) ?? -Infinity) >= each.everyMs)
      return each;
  }
  return undefined;
}

function* wanted() {
  for (const { device, channel } of board.openCharts()) {
    yield {
      path: `/history.json?device=${device}&channel=${channel}`,
      device,
      channel,
      everyMs: CHART_EVERY_MS,
    };
  }
  for (const device of board.visibleDevices()) {
    yield {
      path: `/history.json?device=${device}&step_s=${SPARK_STEP_S}`,
      device,
      channel: null,
      everyMs: SPARK_EVERY_MS,
    };
  }
}

function onToggle() {
  void refresh().then(draw);
}

part("language").addEventListener("click", () => {
  language = language === "en" ? "uk" : "en";
  chooseLanguage(language);
  drawn.clear();
  if (status !== null) board.rename(language);
  show();
  void draw();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    show();
    void refresh().then(draw);
  }
});
setInterval(() => {
  if (document.hidden) return;
  show();
  if (now() - answered > 1000 * (status?.refresh_s ?? FIRST_REFRESH_S))
    void refresh();
  void draw();
}, 1000);
show();
void refresh().then(draw);
