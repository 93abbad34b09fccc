/** Where the browser keeps the login: for good when the person asked for it, else until the tab closes. */
import type { Exclusively, Login, Storage as LoginStorage } from "./session";

const KEY = "siloscope.login";

export class BrowserStorage implements LoginStorage {
  read(): Login | null {
    const found = sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY);
    if (found === null) return null;
    try {
      const login = JSON.parse(found) as Login;
      return typeof login.access === "string" && typeof login.refresh === "string" ? login : null;
    } catch {
      return null;
    }
  }

  /** `keep` null: wherever it was before. */
  write(login: Login, keep: boolean | null): void {
    const forGood = keep ?? sessionStorage.getItem(KEY) === null;
    this.clear();
    (forGood ? localStorage : sessionStorage).setItem(KEY, JSON.stringify(login));
  }

  clear(): void {
    sessionStorage.removeItem(KEY);
    localStorage.removeItem(KEY);
  }

  /** Another tab logged out, or in. */
  onChange(listener: () => void): void {
    window.addEventListener("storage", (event) => {
      if (event.key === KEY || event.key === null) listener();
    });
  }
}

/** Web Locks exist on HTTPS and localhost only; elsewhere two tabs may race, and the loser takes the winner's token. */
export const overAllTabs: Exclusively = (work) => ("locks" in navigator ? navigator.locks.request(KEY, work) : work());
