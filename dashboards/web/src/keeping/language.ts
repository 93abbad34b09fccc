/** English or Ukrainian: what was chosen here before, or what the browser speaks. */
export type Language = "en" | "uk";

const KEPT_UNDER = "language";

export function chosenLanguage(): Language {
  const kept = storage()?.getItem(KEPT_UNDER);
  if (kept === "en" || kept === "uk") return kept;
  return navigator.languages.some((each) => each.toLowerCase().startsWith("uk")) ? "uk" : "en";
}

export function chooseLanguage(language: Language): void {
  storage()?.setItem(KEPT_UNDER, language);
}

/** Browsers may forbid it. */
function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}
