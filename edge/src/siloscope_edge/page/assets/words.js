/** The words of the page, in English and Ukrainian. A word in braces is filled in. */

/** @typedef {"en" | "uk"} Language */

const EN = {
  live: "live",
  other_language: "Українською",
  gone: "The agent does not answer for {age}. What you see is from {time}.",
  never_answered: "The agent does not answer.",
  all_well: "All is well.",
  trouble_link:
    "No link to the broker for {age}: readings are kept here. {detail}",
  trouble_unconfirmed:
    "The database has not confirmed anything for {age}: readings are kept here.",
  trouble_clock_waiting:
    "The clock is not set yet: readings wait for their dates. Ages are right; charts begin with this boot.",
  trouble_clock_provisional:
    "The clock was never set: readings are dated provisionally.",
  trouble_clock_holdover:
    "The clock has lost its source; the date is counted on from when it was right.",
  trouble_phone_clock:
    "The clocks of the agent and of this device differ by {age}.",
  trouble_spool: "The spool takes nothing: {detail}",
  trouble_evicted: "{n} packs were lost: the spool was full.",
  trouble_thinned: "{n} packs were thinned out: the spool was full.",
  trouble_dropped: "{n} samples were lost: the disk was full.",
  trouble_port: "{bus}: the port is closed. {detail}",
  trouble_silent: "{device} does not answer.",
  trouble_rests: "{device} does not answer; tried again in {age}.",
  trouble_missed: "{device} did not answer last time.",
  trouble_refuses: "{device} answers with an error. {detail}",
  trouble_values: "{device}: {n} of {all} values failed ({reason}).",
  trouble_stale: "{device} was last read {age} ago.",
  link: "Link",
  link_up: "Up for {age}",
  link_down: "Down for {age}",
  confirmed: "confirmed {age} ago",
  unconfirmed: "nothing confirmed yet",
  spool: "Spool",
  spool_empty: "Nothing waits",
  spool_owed: "{n} packs wait",
  oldest: "oldest {age}",
  spool_used: "{used} of {most} used",
  undated: "{n} without a date",
  losses: "{n} lost",
  no_losses: "nothing lost",
  clock: "Clock",
  clock_right: "Synchronised",
  clock_holdover: "Lost its source",
  clock_waiting: "Not set",
  clock_provisional: "Provisional",
  clock_says: "it says {time}",
  drift: "corrected by {n} ppm",
  devices: "Devices",
  devices_answer: "{n} of {all} answer",
  devices_all: "All {all} answer",
  buses_open: "{n} of {all} ports open",
  no_devices: "none configured",
  port_open: "port open",
  port_closed: "port closed",
  answers: "answers",
  silent: "silent",
  missed: "missed one",
  refuses: "error",
  new: "not read yet",
  every: "every {age}",
  answer_time: "answers in {mean}, at most {longest}",
  tried_again: "tried again in {age}",
  failed_in_a_row: "{n} in a row without an answer",
  never: "never read",
  ago: "{age} ago",
  stale: "stale",
  bad: "failed",
  last_good: "was {value}, {age} ago",
  chart_of: "24 hours of {title}",
  chart_loading: "The chart is on its way …",
  chart_failed: "The chart did not come.",
  chart_none: "There is no memory for this chart: too many channels.",
  charts_none:
    "No charts: there is no memory for so many channels (page.history_bytes).",
  charts_coarse: "Charts show steps of {age}: {n} channels share their memory.",
  chart_nothing: "No values in the last 24 hours.",
  chart_summary: "least {least}, mean {mean}, greatest {greatest}",
  chart_point: "{from} – {to}: {value}",
  chart_band: "{value} ({least} to {greatest})",
  chart_no_value: "no value",
  chart_failures: "red: readings that failed",
  chart_gaps: "grey: nothing read",
  now: "now",
  reason_uncertain: "unsure",
  reason_clock_unsynced: "clock unsure",
  reason_stuck: "stuck",
  reason_step: "jumped",
  reason_drift: "drifting",
  reason_bad: "failed",
  reason_comm_failure: "no answer",
  reason_sensor_missing: "no probe",
  reason_out_of_range: "off scale",
  reason_device_exception: "device error",
  reason_not_a_number: "no number",
  reason_invalid_frame: "garbled",
  reason_not_plausible: "impossible",
  kind_no_answer: "no answer",
  kind_short_frame: "short",
  kind_wrong_checksum: "wrong checksum",
  kind_noise: "noise",
  kind_unsolicited: "unasked",
  kind_echo: "echo",
  kind_exception: "refused",
  kind_wrong_content: "wrong content",
  version: "Siloscope edge {version}",
  read_only: "This page changes nothing. Times are those of this device.",
  agent: "The agent's machine",
  vitals: "Vitals",
  vital_uptime: "Time since start",
  vital_load: "Load, 1 min",
  vital_disk_free: "Free disk space",
  vital_memory_peak: "Most memory held",
  vital_memory_available: "Memory to be had",
  vital_cpu_temperature: "Processor",
  vital_supply_low: "Supply was too low",
  vital_packs_owed: "Packs not yet confirmed",
  vital_spool_share: "Share of the spool that waits",
  vital_clock_offset: "Clock is off by",
};

/** @type {Record<keyof typeof EN, string>} */
const UK = {
  live: "наживо",
  other_language: "In English",
  gone: "Агент не відповідає вже {age}. Показано стан на {time}.",
  never_answered: "Агент не відповідає.",
  all_well: "Усе гаразд.",
  trouble_link:
    "Немає зв’язку з брокером {age}: дані зберігаються тут. {detail}",
  trouble_unconfirmed:
    "База даних нічого не підтверджує {age}: дані зберігаються тут.",
  trouble_clock_waiting:
    "Годинник ще не виставлено: дані чекають на дату. Вік правильний; графіки — від цього запуску комп’ютера.",
  trouble_clock_provisional: "Годинник не було виставлено: дати умовні.",
  trouble_clock_holdover:
    "Годинник втратив джерело часу; дата рахується від останнього правильного часу.",
  trouble_phone_clock:
    "Годинники агента й цього пристрою розходяться на {age}.",
  trouble_spool: "Черга нічого не приймає: {detail}",
  trouble_evicted: "Втрачено пакетів: {n}. Черга була повна.",
  trouble_thinned: "Проріджено пакетів: {n}. Черга була повна.",
  trouble_dropped: "Втрачено вимірів: {n}. Диск був повний.",
  trouble_port: "{bus}: порт закрито. {detail}",
  trouble_silent: "{device} не відповідає.",
  trouble_rests: "{device} не відповідає; нова спроба через {age}.",
  trouble_missed: "{device} минулого разу не відповів.",
  trouble_refuses: "{device} відповідає помилкою. {detail}",
  trouble_values: "{device}: невдалих значень {n} з {all} ({reason}).",
  trouble_stale: "{device}: останнє читання {age} тому.",
  link: "Зв’язок",
  link_up: "Є вже {age}",
  link_down: "Немає {age}",
  confirmed: "підтверджено {age} тому",
  unconfirmed: "ще нічого не підтверджено",
  spool: "Черга",
  spool_empty: "Нічого не чекає",
  spool_owed: "Чекає пакетів: {n}",
  oldest: "найстаріший — {age}",
  spool_used: "зайнято {used} з {most}",
  undated: "без дати: {n}",
  losses: "втрачено: {n}",
  no_losses: "нічого не втрачено",
  clock: "Годинник",
  clock_right: "Точний час",
  clock_holdover: "Без джерела",
  clock_waiting: "Не виставлено",
  clock_provisional: "Умовний час",
  clock_says: "показує {time}",
  drift: "поправка {n} ppm",
  devices: "Прилади",
  devices_answer: "Відповідають {n} з {all}",
  devices_all: "Відповідають усі {all}",
  buses_open: "відкрито портів: {n} з {all}",
  no_devices: "не налаштовано",
  port_open: "порт відкрито",
  port_closed: "порт закрито",
  answers: "відповідає",
  silent: "мовчить",
  missed: "пропустив",
  refuses: "помилка",
  new: "ще не читано",
  every: "кожні {age}",
  answer_time: "відповідає за {mean}, щонайдовше {longest}",
  tried_again: "нова спроба через {age}",
  failed_in_a_row: "поспіль без відповіді: {n}",
  never: "ще не читано",
  ago: "{age} тому",
  stale: "застаріло",
  bad: "збій",
  last_good: "було {value}, {age} тому",
  chart_of: "24 години: {title}",
  chart_loading: "Графік завантажується …",
  chart_failed: "Графік не завантажився.",
  chart_none: "Для цього графіка немає пам’яті: забагато каналів.",
  charts_none:
    "Графіків немає: замало пам’яті для стількох каналів (page.history_bytes).",
  charts_coarse: "Крок графіків — {age}: пам’ять ділять каналів: {n}.",
  chart_nothing: "За останні 24 години немає значень.",
  chart_summary: "найменше {least}, середнє {mean}, найбільше {greatest}",
  chart_point: "{from} – {to}: {value}",
  chart_band: "{value} (від {least} до {greatest})",
  chart_no_value: "немає значення",
  chart_failures: "червоне: невдалі читання",
  chart_gaps: "сіре: не читано",
  now: "зараз",
  reason_uncertain: "непевно",
  reason_clock_unsynced: "непевний час",
  reason_stuck: "застигло",
  reason_step: "стрибок",
  reason_drift: "дрейф",
  reason_bad: "збій",
  reason_comm_failure: "немає відповіді",
  reason_sensor_missing: "немає давача",
  reason_out_of_range: "поза шкалою",
  reason_device_exception: "помилка приладу",
  reason_not_a_number: "не число",
  reason_invalid_frame: "пошкоджено",
  reason_not_plausible: "неможливо",
  kind_no_answer: "немає відповіді",
  kind_short_frame: "обірвано",
  kind_wrong_checksum: "хибна сума",
  kind_noise: "завади",
  kind_unsolicited: "непрошене",
  kind_echo: "луна",
  kind_exception: "відмова",
  kind_wrong_content: "хибний зміст",
  version: "Siloscope edge {version}",
  read_only: "Ця сторінка нічого не змінює. Час — за цим пристроєм.",
  agent: "Комп’ютер агента",
  vitals: "Показники",
  vital_uptime: "Час від запуску",
  vital_load: "Навантаження, 1 хв",
  vital_disk_free: "Вільно на диску",
  vital_memory_peak: "Найбільше пам’яті",
  vital_memory_available: "Доступна пам’ять",
  vital_cpu_temperature: "Процесор",
  vital_supply_low: "Живлення було заслабке",
  vital_packs_owed: "Пакетів без підтвердження",
  vital_spool_share: "Частка черги, що чекає",
  vital_clock_offset: "Похибка годинника",
};

const WORDS = { en: EN, uk: UK };
const KEPT_UNDER = "language";

/**
 * What a word is called in a language; a word that nobody knows stands for itself.
 * @param {Language} language
 * @param {string} key
 * @param {Record<string, string | number>} [filled]
 */
export function say(language, key, filled = {}) {
  const words = /** @type {Record<string, string>} */ (WORDS[language]);
  const text = words[key] ?? key.replace(/^[a-z]+_/, "").replaceAll("_", " ");
  return text
    .replace(/\{(\w+)\}/g, (_, name) => String(filled[name] ?? ""))
    .trim();
}

/** The language chosen before, or that of the browser. @returns {Language} */
export function chosenLanguage() {
  const kept = storage()?.getItem(KEPT_UNDER);
  if (kept === "en" || kept === "uk") return kept;
  return navigator.languages.some((each) => each.toLowerCase().startsWith("uk"))
    ? "uk"
    : "en";
}

/** @param {Language} language */
export function chooseLanguage(language) {
  storage()?.setItem(KEPT_UNDER, language);
}

/** Browsers may forbid it. */
function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
