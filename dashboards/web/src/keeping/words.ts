/** What the page about keeping data says, in English and Ukrainian. A word in braces is filled in; pure. */
import { Refused, SignedOut, Unreachable } from "../errors";
import { durationOf, isCoarser } from "./duration";
import type { Going, GoingDay, Level, Loss, Policies, Policy } from "./entities";
import type { Language } from "./language";

const EN = {
  other_language: "Українською",
  title: "Keeping data",
  intro:
    "Everything is kept for a time, then the oldest goes. Averages stay longer than the single readings that they are made of. " +
    "A change never takes anything away at once: what is too old goes when the server next tidies up, every quarter of an hour.",
  archive_first:
    "Single readings go only once their day is safely in a file of the archive, from which it can be put back.",
  archive_missing:
    "The archive's folder is missing, or there is none: until the server has one, no single readings go at all.",
  archive_off: "Single readings go without a file in the archive: nobody can put them back.",
  archive_title: "Archive",
  archive_to_off: "Switch the archive off",
  archive_to_on: "Switch the archive on",
  archive_off_means:
    "From then on, single readings that are too old go without a file, and nobody can put them back. Files that are there stay.",
  archive_on_means:
    "From then on, single readings go only once their day is in a file. What has gone without one does not come back.",
  archive_off_sure: "Yes, without a file",
  archive_on_sure: "Yes, only with a file",
  archive_switched_off: "The archive is off now.",
  archive_switched_on: "The archive is on now.",
  fetching: "Fetching how long what is kept…",
  again: "Try again",
  unreachable: "Siloscope cannot be reached. Check the connection.",
  signed_out: "Your login has ended. Please log in again.",
  forbidden: "Only administrators see and set this.",
  refused: "The server refused: {detail}",
  unexpected: "Something unexpected happened. Reload the page, please.",
  slow: "The server could not say it in time. Try again later, when it has less to do.",
  class_measurements: "Measurements",
  about_measurements: "What the instruments read, in the grain, in the rooms and outside.",
  class_vitals: "The computers at the sites",
  about_vitals: "How they were: power, storage, connection.",
  class_records: "Records",
  about_records: "What happened to the data, and what became of alerts.",
  level_raw: "Single readings",
  about_raw: "Each value as it came.",
  level_m5: "Five-minute averages",
  about_m5: "With the lowest and the highest value, of what is read often.",
  level_hour: "Hourly averages",
  about_hour: "With the lowest and the highest value of each hour.",
  level_day: "Daily averages",
  about_day: "With the lowest and the highest value of each day.",
  level_conflicts: "Contradicting values",
  about_conflicts: "Second values that differ from those that are kept.",
  level_gaps: "Gaps",
  about_gaps: "What was lost or could not be read, and why.",
  level_undated: "Values without a date",
  about_undated: "Those whose time could not be believed.",
  level_alerts: "Alerts that are over",
  about_alerts: "With all that happened, and who did what.",
  level_messages: "Messages about alerts",
  about_messages: "What was sent to whom, and whether it arrived.",
  forever: "for ever",
  by_default: "the usual time",
  set_on: "set on {date}",
  set_by_on: "set by {who} on {date}",
  command_line: "the command line",
  usually: "Usually {duration}.",
  change: "Change",
  change_of: "Change: {what}",
  keep_for: "Keep for",
  unit: "Unit",
  unit_d: "days",
  unit_w: "weeks",
  unit_y: "years",
  unit_forever: "for ever",
  look: "See what would go",
  looking: "Looking…",
  save: "Save",
  cancel: "Cancel",
  no_duration: "This must be a whole number, at least 1 and at most a hundred years.",
  too_long: "{other} are kept for {duration}, and must stay at least as long as {what}. Lengthen those first.",
  too_short: "{other} are kept for {duration}, and these are made of them: keep these at least as long.",
  changed: "Somebody else changed this meanwhile. What holds now stands here; look again before you save.",
  saved: "Saved. Kept for {duration} from now on.",
  goes_nothing: "Nothing would go.",
  goes_nothing_longer: "Nothing would go. What has gone already does not come back by itself.",
  goes: "With this, the next tidying up would take away:",
  estimates: "Counts and sizes are estimates.",
  of_organisation: "All sites",
  amount: "{count} · {span} · about {size}",
  day_archived: "That day is in the archive already.",
  day_to_archive: "That day is written to the archive first.",
  days_archived: "All {days} are in the archive already.",
  days_to_archive: "All {days} are written to the archive first.",
  days_both: "{archived} of {days} are in the archive already; the others are written to it first.",
  days_no_file: "They go without a file: nobody can put them back.",
  which_days: "Which days",
  run_archived: "{span}: in the archive",
  run_not: "{span}: not yet",
  stays_no_archive_directory: "It stays for now: there is no archive folder.",
  stays_not_rolled_up: "All or some of it stays for now: its averages are not made yet.",
  stays_restored: "All or some of it stays for now: somebody put it back from the archive.",
  gone_title: "What has gone",
  gone_nothing: "Nothing has gone yet.",
  gone_line: "{count}, {span}, about {size}",
  gone_archived: "in the archive",
  gone_more: "Older ones are not shown.",
  to: "{first} to {last}",
};

const UK: Record<keyof typeof EN, string> = {
  other_language: "In English",
  title: "Зберігання даних",
  intro:
    "Усе зберігається певний час, потім найстаріше вилучається. Середні значення живуть довше, ніж окремі виміри, з яких їх " +
    "обчислено. Зміна нічого не вилучає одразу: застаріле зникає під час наступного прибирання на сервері, щочверть години.",
  archive_first:
    "Окремі виміри вилучаються лише тоді, коли їхній день надійно записано до файлу архіву; звідти його можна повернути.",
  archive_missing:
    "Теки архіву немає або вона недоступна: доки сервер її не матиме, окремі виміри не вилучаються зовсім.",
  archive_off: "Окремі виміри вилучаються без файлу в архіві: повернути їх не зможе ніхто.",
  archive_title: "Архів",
  archive_to_off: "Вимкнути архів",
  archive_to_on: "Увімкнути архів",
  archive_off_means:
    "Відтоді застарілі окремі виміри вилучаються без файлу, і повернути їх не зможе ніхто. Наявні файли залишаються.",
  archive_on_means:
    "Відтоді окремі виміри вилучаються лише тоді, коли їхній день є у файлі. Вилучене без файлу не повернеться.",
  archive_off_sure: "Так, без файлу",
  archive_on_sure: "Так, лише з файлом",
  archive_switched_off: "Тепер архів вимкнено.",
  archive_switched_on: "Тепер архів увімкнено.",
  fetching: "Завантажується…",
  again: "Спробувати ще раз",
  unreachable: "Немає зв’язку із Siloscope. Перевірте з’єднання.",
  signed_out: "Ваш сеанс завершено. Увійдіть ще раз.",
  forbidden: "Це бачать і змінюють лише адміністратори.",
  refused: "Сервер відмовив: {detail}",
  unexpected: "Сталося щось непередбачене. Оновіть сторінку.",
  slow: "Сервер не встиг порахувати. Спробуйте пізніше, коли він матиме менше роботи.",
  class_measurements: "Виміри",
  about_measurements: "Що показують прилади: у зерні, у приміщеннях і надворі.",
  class_vitals: "Комп’ютери на об’єктах",
  about_vitals: "Їхній стан: живлення, пам’ять, зв’язок.",
  class_records: "Записи",
  about_records: "Що сталося з даними та що було з тривогами.",
  level_raw: "Окремі виміри",
  about_raw: "Кожне значення, як надійшло.",
  level_m5: "Середні за п’ять хвилин",
  about_m5: "Із найменшим і найбільшим значенням; для того, що вимірюється часто.",
  level_hour: "Середні за годину",
  about_hour: "Із найменшим і найбільшим значенням кожної години.",
  level_day: "Середні за добу",
  about_day: "Із найменшим і найбільшим значенням кожної доби.",
  level_conflicts: "Суперечливі значення",
  about_conflicts: "Другі значення, що відрізняються від збережених.",
  level_gaps: "Прогалини",
  about_gaps: "Що втрачено або не прочитано, і чому.",
  level_undated: "Значення без дати",
  about_undated: "Ті, чиєму часу не можна вірити.",
  level_alerts: "Тривоги, що минули",
  about_alerts: "З усім, що сталося, і хто що зробив.",
  level_messages: "Повідомлення про тривоги",
  about_messages: "Що кому надіслано й чи дійшло.",
  forever: "завжди",
  by_default: "звичайний строк",
  set_on: "змінено {date}",
  set_by_on: "змінено: {who}, {date}",
  command_line: "командний рядок",
  usually: "Звичайно — {duration}.",
  change: "Змінити",
  change_of: "Змінити: {what}",
  keep_for: "Зберігати",
  unit: "Одиниця",
  unit_d: "днів",
  unit_w: "тижнів",
  unit_y: "років",
  unit_forever: "завжди",
  look: "Що буде вилучено?",
  looking: "Рахуємо…",
  save: "Зберегти",
  cancel: "Скасувати",
  no_duration: "Потрібне ціле число: щонайменше 1, щонайбільше сто років.",
  too_long: "«{other}» зберігаються {duration} і мають жити не менше, ніж «{what}». Спершу подовжте їх.",
  too_short: "«{other}» зберігаються {duration}, а це обчислено з них: зберігайте не менше.",
  changed: "Тим часом це змінив хтось інший. Тут показано, що діє тепер; перегляньте ще раз, перш ніж зберегти.",
  saved: "Збережено. Відтепер зберігається {duration}.",
  goes_nothing: "Нічого не буде вилучено.",
  goes_nothing_longer: "Нічого не буде вилучено. Те, що вже вилучено, само не повернеться.",
  goes: "Тоді наступне прибирання вилучить:",
  estimates: "Кількості та розміри приблизні.",
  of_organisation: "Усі об’єкти",
  amount: "{count} · {span} · близько {size}",
  day_archived: "Цей день уже в архіві.",
  day_to_archive: "Спершу цей день буде записано до архіву.",
  days_archived: "В архіві вже все: {days}.",
  days_to_archive: "Спершу все буде записано до архіву: {days}.",
  days_both: "Уже в архіві: {archived} з {days}; решту спершу буде записано туди.",
  days_no_file: "Вилучається без файлу: повернути не зможе ніхто.",
  which_days: "Які саме дні",
  run_archived: "{span}: в архіві",
  run_not: "{span}: ще ні",
  stays_no_archive_directory: "Поки що залишається: немає теки архіву.",
  stays_not_rolled_up: "Усе або частина поки що залишається: середні ще не обчислено.",
  stays_restored: "Усе або частина поки що залишається: це повернули з архіву.",
  gone_title: "Що вже вилучено",
  gone_nothing: "Ще нічого не вилучено.",
  gone_line: "{count}, {span}, близько {size}",
  gone_archived: "є в архіві",
  gone_more: "Давніші не показано.",
  to: "{first} – {last}",
};

export type Key = keyof typeof EN;
const WORDS = { en: EN, uk: UK };
const LOCALES = { en: "en-GB", uk: "uk" } as const;

/** Forms of a word by a number: English one and other, Ukrainian one, few and many. */
const NOUNS = {
  d: { en: ["day", "days"], uk: ["день", "дні", "днів"] },
  w: { en: ["week", "weeks"], uk: ["тиждень", "тижні", "тижнів"] },
  y: { en: ["year", "years"], uk: ["рік", "роки", "років"] },
  sample: { en: ["set of readings", "sets of readings"], uk: ["вимір", "виміри", "вимірів"] },
  average: {
    en: ["set of averages", "sets of averages"],
    uk: ["набір середніх", "набори середніх", "наборів середніх"],
  },
  entry: { en: ["entry", "entries"], uk: ["запис", "записи", "записів"] },
} as const;
type Noun = keyof typeof NOUNS;

export function say(language: Language, key: Key, filled: Record<string, string | number> = {}): string {
  return WORDS[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(filled[name] ?? ""));
}

export const levelName = (language: Language, level: Level) => say(language, `level_${level}`);

/** `2 years`, `92 days`, `for ever`. */
export function durationWords(language: Language, keep: string): string {
  const { amount, unit } = durationOf(keep);
  return amount === null || unit === "forever" ? say(language, "forever") : counted(language, amount, unit);
}

/** Where a policy comes from. */
export function sourceWords(language: Language, policy: Policy): string {
  if (policy.source === "default" || policy.set_at === null) return say(language, "by_default");
  const date = dateOf(language, new Date(policy.set_at));
  if (policy.set_by === null) return say(language, "set_on", { date });
  const who = policy.set_by.startsWith("user:") ? policy.set_by.slice(5) : say(language, "command_line");
  return say(language, "set_by_on", { who, date });
}

/** What becomes of single readings, and whether somebody should do something about it. */
export function archiveWords(language: Language, found: Policies): { text: string; warns: boolean } {
  if (!found.archive_required) return { text: say(language, "archive_off"), warns: true };
  if (found.archiving === false) return { text: say(language, "archive_missing"), warns: true };
  return { text: say(language, "archive_first"), warns: false };
}

/** Why a level cannot be kept so long. */
export function inTheWayWords(language: Language, policy: Policy, other: Policy): string {
  const key = isCoarser(other.level, policy.level) ? "too_long" : "too_short";
  const what = levelName(language, policy.level);
  const filled = { other: levelName(language, other.level), duration: durationWords(language, other.keep) };
  return say(language, key, { ...filled, what: language === "en" ? lowered(what) : what });
}

/** `336 sets of readings · 2 Mar 2023 to 15 Mar 2023 · about 26 kB`. */
export function goingWords(language: Language, going: Going): string {
  const count = counted(language, going.rows, nounOf(going.level));
  const span = spanWords(language, going.first, going.last);
  return say(language, "amount", { count, span, size: sizeWords(language, going.size_bytes) });
}

/** Whether the days that go are in the archive; null of what never is. */
export function archivedWords(language: Language, going: Going, required: boolean): string | null {
  if (going.level !== "raw") return null;
  if (!required) return say(language, "days_no_file");
  const archived = going.days.filter((each) => each.archived).length;
  if (going.days.length === 1) return say(language, archived === 1 ? "day_archived" : "day_to_archive");
  const days = counted(language, going.days.length, "d");
  if (archived === going.days.length) return say(language, "days_archived", { days });
  return archived === 0 ? say(language, "days_to_archive", { days }) : say(language, "days_both", { archived, days });
}

export function staysWords(language: Language, reason: string): string {
  const key = `stays_${reason}`;
  return key in EN ? say(language, key as Key) : reason.replaceAll("_", " ");
}

export interface Run {
  first: string;
  last: string;
  archived: boolean;
}

/** Days that follow each other and are alike, as one. */
export function runsOf(days: readonly GoingDay[]): Run[] {
  const runs: Run[] = [];
  for (const { day, archived } of days) {
    const open = runs.at(-1);
    if (open !== undefined && open.archived === archived && dayAfter(open.last) === day) open.last = day;
    else runs.push({ first: day, last: day, archived });
  }
  return runs;
}

export function runWords(language: Language, run: Run): string {
  return say(language, run.archived ? "run_archived" : "run_not", { span: spanWords(language, run.first, run.last) });
}

/** `336 sets of readings, 2 Mar 2023 to 15 Mar 2023, about 26 kB`. */
export function lossWords(language: Language, loss: Loss): string {
  const count = counted(language, loss.rows, nounOf(loss.level));
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  const span = spanWords(language, day(loss.first), day(loss.last));
  return say(language, "gone_line", { count, span, size: sizeWords(language, loss.size_bytes) });
}

/** In the reader's own time. */
export function momentWords(language: Language, ms: number): string {
  return new Date(ms).toLocaleString(LOCALES[language], { dateStyle: "medium", timeStyle: "short" });
}

export function errorWords(language: Language, error: unknown): string {
  if (error instanceof Unreachable) return say(language, "unreachable");
  if (error instanceof SignedOut) return say(language, "signed_out");
  if (error instanceof Refused && error.status === 403) return say(language, "forbidden");
  if (error instanceof Refused && error.status === 504) return say(language, "slow");
  if (error instanceof Refused) return say(language, "refused", { detail: error.detail || error.title });
  return say(language, "unexpected");
}

/** `1 day`, `3 дні`, `12 000 entries`. */
export function counted(language: Language, count: number, noun: Noun): string {
  const forms: readonly string[] = NOUNS[noun][language];
  const form = new Intl.PluralRules(LOCALES[language]).select(count);
  const at = form === "one" ? 0 : form === "few" ? 1 : forms.length - 1;
  return `${grouped(count)}\u00a0${forms[at]!}`;
}

export function sizeWords(language: Language, bytes: number): string {
  const units = language === "en" ? ["B", "kB", "MB", "GB", "TB"] : ["Б", "кБ", "МБ", "ГБ", "ТБ"];
  let [size, at] = [bytes, 0];
  for (; size >= 999.5 && at < units.length - 1; at += 1) size /= 1000;
  const shown = size < 9.95 && at > 0 ? size.toFixed(1) : String(Math.round(size));
  return `${language === "en" ? shown : shown.replace(".", ",")}\u00a0${units[at]!}`;
}

export function spanWords(language: Language, first: string, last: string): string {
  const shown = (day: string) => dateOf(language, new Date(`${day}T00:00:00Z`), "UTC");
  return first === last ? shown(first) : say(language, "to", { first: shown(first), last: shown(last) });
}

function nounOf(level: Level): Noun {
  if (level === "raw") return "sample";
  return level === "m5" || level === "hour" || level === "day" ? "average" : "entry";
}

function dateOf(language: Language, at: Date, timeZone?: string): string {
  const options = { day: "numeric", month: "short", year: "numeric" } as const;
  const zoned = timeZone === undefined ? options : { ...options, timeZone };
  return new Intl.DateTimeFormat(LOCALES[language], zoned)
    .format(at)
    .replace(/\sр\.$/, "")
    .replaceAll(" ", "\u00a0");
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}

function grouped(count: number): string {
  return count.toLocaleString("en-GB").replaceAll(",", "\u00a0");
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
